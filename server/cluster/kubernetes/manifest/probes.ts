import type { Deployment } from '../../driver.ts';

const STARTUP_PERIOD_SECONDS = 5;

/**
 * Startup takes as long as the launch allows. Readiness is quick to take a pod out; liveness is slow to kill it, as an
 * engine under load answers late and a restart costs minutes.
 */
export function probesOf({ health_path, startup_seconds }: Pick<Deployment, 'health_path' | 'startup_seconds'>) {
  const httpGet = { path: health_path, port: 'http' };
  return {
    startupProbe: {
      httpGet,
      periodSeconds: STARTUP_PERIOD_SECONDS,
      timeoutSeconds: 3,
      failureThreshold: Math.ceil(startup_seconds / STARTUP_PERIOD_SECONDS),
    },
    readinessProbe: { httpGet, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 },
    livenessProbe: { httpGet, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 12 },
  };
}
