import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Region, type RigState, regionFile } from './state.ts';

type Flags = (region: Region, rig: RigState) => string[];

/** The program of a component of a region and what it is told. Those of `KUBEBUILDER_ASSETS` go before our own. */
export function commandLine(rig: RigState, region: Region, name: string): [program: string, ...args: string[]] {
  const flags = controlPlane[name]?.(region, rig);
  if (!flags) return [rig.binary, 'node', regionFile(region), name];
  const asset = join(process.env.KUBEBUILDER_ASSETS ?? '/nonexistent', name);
  return existsSync(asset) ? [asset, ...flags] : [rig.binary, name, ...flags];
}

const pki = ({ dir }: Region, name: string) => join(dir, 'pki', name);
const kubeconfigOf = ({ dir }: Region, name: string) => join(dir, 'kubeconfig', `${name}.yaml`);

const MANY_CALLS = ['--kube-api-qps=300', '--kube-api-burst=600'];

const authentication = (region: Region, name: string) => [
  `--kubeconfig=${kubeconfigOf(region, name)}`,
  `--authentication-kubeconfig=${kubeconfigOf(region, name)}`,
  `--authorization-kubeconfig=${kubeconfigOf(region, name)}`,
  `--bind-address=${region.ip}`,
  `--cert-dir=${join(region.dir, 'pki')}`,
  '--leader-elect=false',
  '--profiling=false',
];

const etcd: Flags = ({ ip, dir }) => [
  `--data-dir=${join(dir, 'etcd')}`,
  `--listen-client-urls=http://${ip}:2379`,
  `--advertise-client-urls=http://${ip}:2379`,
  `--listen-peer-urls=http://${ip}:2380`,
  `--initial-advertise-peer-urls=http://${ip}:2380`,
  `--initial-cluster=default=http://${ip}:2380`,
  '--unsafe-no-fsync',
  '--snapshot-count=5000',
  '--auto-compaction-retention=5m',
  '--log-level=warn',
];

const apiServer: Flags = (region, { options }) => [
  `--etcd-servers=http://${region.ip}:2379`,
  `--bind-address=${region.ip}`,
  `--advertise-address=${region.ip}`,
  '--secure-port=6443',
  '--endpoint-reconciler-type=none',
  `--tls-cert-file=${pki(region, 'apiserver.crt')}`,
  `--tls-private-key-file=${pki(region, 'apiserver.key')}`,
  `--client-ca-file=${pki(region, 'ca.crt')}`,
  `--kubelet-client-certificate=${pki(region, 'apiserver-kubelet-client.crt')}`,
  `--kubelet-client-key=${pki(region, 'apiserver-kubelet-client.key')}`,
  `--kubelet-certificate-authority=${pki(region, 'ca.crt')}`,
  '--kubelet-preferred-address-types=InternalIP',
  '--service-account-issuer=https://kubernetes.default.svc',
  `--service-account-key-file=${pki(region, 'sa.key')}`,
  `--service-account-signing-key-file=${pki(region, 'sa.key')}`,
  '--service-cluster-ip-range=10.96.0.0/16',
  '--authorization-mode=Node,RBAC',
  '--enable-admission-plugins=NodeRestriction',
  '--allow-privileged=true',
  `--default-not-ready-toleration-seconds=${options.toleration}`,
  `--default-unreachable-toleration-seconds=${options.toleration}`,
  '--profiling=false',
];

const controllers: Flags = (region, { options }) => [
  ...authentication(region, 'kube-controller-manager'),
  ...MANY_CALLS,
  '--controllers=*',
  '--use-service-account-credentials=true',
  '--secure-port=10257',
  `--root-ca-file=${pki(region, 'ca.crt')}`,
  `--service-account-private-key-file=${pki(region, 'sa.key')}`,
  `--cluster-signing-cert-file=${pki(region, 'ca.crt')}`,
  `--cluster-signing-key-file=${pki(region, 'ca.key')}`,
  '--node-monitor-period=1s',
  `--node-monitor-grace-period=${options.nodeGrace}`,
];

const kwok: Flags = (region) => [
  region.dir,
  `--kubeconfig=${kubeconfigOf(region, 'kwok')}`,
  '--manage-all-nodes=false',
  '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
  `--node-ip=${region.ip}`,
  `--cidr=${region.podNet}.128.0/17`,
  '--node-lease-duration-seconds=40',
  '--v=WARN',
];

const controlPlane: Readonly<Record<string, Flags>> = {
  etcd,
  'kube-apiserver': apiServer,
  'kube-controller-manager': controllers,
  'kube-scheduler': (region) => [...authentication(region, 'kube-scheduler'), ...MANY_CALLS, '--secure-port=10259'],
  kwok,
};
