import type { ErrorCode } from './errors.ts';
import type { Reason } from './workloads.ts';

/** What a code or reason means, in words for whoever meets it: why it comes, and what to do next. */
export interface Help {
  cause: string;
  next: string;
}

/** Of every code that the API answers with. */
export const errorHelp: Readonly<Record<ErrorCode, Help>> = {
  invalid_request: {
    cause: 'A field is missing, unknown or has a value that is not allowed; the message names it, and `param` too.',
    next: 'Mend that field. `eco COMMAND --help` lists what a command accepts, docs/reference/api.md what an endpoint does.',
  },
  wrong_endpoint: {
    cause: 'The model exists but does something else: an embedding model was asked to chat, for example.',
    next: 'Use the endpoint that the message names. `eco catalog` and `eco models list` show what each model does.',
  },
  not_supported: {
    cause: 'The request is well formed, but this server, engine or kind of workload cannot do that.',
    next: 'Leave out the option that the message names, or use another model or engine.',
  },
  invalid_api_key: {
    cause: 'There is no key, or the server does not know it: mistyped, revoked, expired, or of another server.',
    next: 'See which key is in force with `eco doctor`, then `eco login`, or set ECO_API_KEY.',
  },
  insufficient_balance: {
    cause:
      'The account, or the cap of the key, has less left than this may cost. A launch sets 24 hours aside at once.',
    next: '`eco billing balance` shows what is free and held. Stop something, launch less, or have the operator add credit.',
  },
  model_not_priced: {
    cause: 'The operator has set no price for this platform model, so requests to it cannot be charged.',
    next: 'Choose another one from `eco catalog`. The operator sets it with `eco admin models price`.',
  },
  forbidden: {
    cause:
      'The key is valid and may not do this: its scopes or its list of models leave it out, or it needs an admin key.',
    next: 'Use another key, or make one: `eco keys create --help` lists the scopes.',
  },
  not_found: {
    cause: 'The account has nothing of this name or id. Ids are exact: 14 is never 142.',
    next: 'List what there is: `eco ps --all`, `eco models list`, `eco keys list`. Is it the right account? `eco whoami` says.',
  },
  model_not_found: {
    cause: 'No platform model, instance or alias of the account answers to this name.',
    next: '`eco catalog` lists platform models, `eco ps` instances: their name is `name:id`.',
  },
  method_not_allowed: {
    cause: 'The path exists, but not with this HTTP method.',
    next: 'Look it up in docs/reference/api.md.',
  },
  request_timeout: {
    cause: 'The request did not arrive whole in time, or its answer did not, as the client saw it.',
    next: 'Send it again. If it is a large upload, the connection is slow or broken.',
  },
  conflict: {
    cause: 'The state of things does not allow it: a name is taken, something still uses it, or it has ended.',
    next: 'The message names what stands in the way. `eco ps --all` and `eco events` show how it came about.',
  },
  idempotency_in_progress: {
    cause: 'A request with the same Idempotency-Key is still being worked on.',
    next: 'Wait a moment and send it again: the answer will be that of the first one.',
  },
  no_capacity: {
    cause: 'No region has enough free GPUs of the kind now, or none has so many on one machine.',
    next: '`eco regions` shows what is free. Ask for fewer or other GPUs, name another region, or stop something.',
  },
  request_too_large: {
    cause: 'The body is larger than the server accepts.',
    next: 'Send less at once. The message names the limit.',
  },
  idempotency_mismatch: {
    cause: 'The Idempotency-Key was used before for another request.',
    next: 'Use a new key for a new request.',
  },
  rate_limit_exceeded: {
    cause: 'More requests than the key, the account or the model allows.',
    next: 'Wait as long as Retry-After says, and send fewer at a time.',
  },
  internal: {
    cause: 'Something went wrong on the side of the server. It is logged there under the request id.',
    next: 'Try again; if it stays, give the operator the request id.',
  },
  upstream_error: {
    cause: 'The engine behind the model failed, and no other replica could take over.',
    next: 'Try again. For an instance of your own, `eco logs` shows what the engine said.',
  },
  model_not_ready: {
    cause: 'The instance exists and no replica of it is ready: it still loads, was stopped, or has failed.',
    next: '`eco ps` shows its state, `eco wait` waits for it, `eco logs` tells why it does not come up.',
  },
  overloaded: {
    cause: 'The server or all replicas have as much in hand as they take.',
    next: 'Wait as long as Retry-After says. More replicas take more: `eco scale`.',
  },
  unavailable: {
    cause: 'The server cannot serve right now: it is starting, stopping, or its database does not answer.',
    next: 'Try again in a moment. Your key is not to blame.',
  },
  first_token_timeout: {
    cause: 'The engine took the request and gave no first token in time.',
    next: 'Try a shorter prompt, or look at its load: `eco logs`, `eco scale`.',
  },
  idle_timeout: {
    cause: 'The engine stopped in the middle of an answer.',
    next: 'Ask again. If it happens often, `eco logs` shows what the engine does.',
  },
  total_timeout: {
    cause: 'The answer took longer than one request may.',
    next: 'Ask for less at once, with a lower max_tokens, or stream.',
  },
};

/** Of what only SDK and CLI say: no server answered, or somebody on this side ended it. */
export const clientHelp = {
  usage: {
    cause: 'The command line or its input is wrong; the message names what.',
    next: '`eco COMMAND --help` shows what it takes.',
  },
  connection_error: {
    cause: 'No server answered at the address, or the connection broke.',
    next: '`eco doctor` tells how far it gets. On this machine `eco dev` starts one.',
  },
  invalid_answer: {
    cause: 'Something answered that does not speak as EcoLink does: another program, a proxy, a login page.',
    next: 'Check the address: `eco doctor`.',
  },
  stream_cut: {
    cause: 'A stream ended before it was complete. What arrived is right, and what follows is missing.',
    next: 'Ask again. An engine that died shows in `eco events`.',
  },
  workload_failed: {
    cause: 'What was waited for failed or was stopped, and does not get there by itself.',
    next: 'The message gives the reason; `eco events` and `eco logs` tell the story.',
  },
  wait_timeout: {
    cause: 'The time given with --wait-timeout is up. What runs goes on.',
    next: 'Go on waiting with `eco wait`.',
  },
  aborted: { cause: 'It was interrupted, by Ctrl-C or by the program.', next: 'What runs goes on: `eco ps` shows it.' },
  declined: { cause: 'The question was not answered with yes.', next: 'Nothing was done. `--yes` does not ask.' },
} as const satisfies Readonly<Record<string, Help>>;

/** Of every reason that a workload or a replica can have for its state. */
export const reasonHelp: Readonly<Record<Reason, Help>> = {
  scheduled: { cause: 'It was asked for, and the region has not answered yet.', next: 'Wait.' },
  no_capacity: {
    cause: 'The GPUs that it needs are in use.',
    next: '`eco regions` shows what is free where; name another region or GPU type, or stop something.',
  },
  region_unreachable: {
    cause: 'The region cannot be asked. Its replicas count as they were last seen.',
    next: 'Wait; tell the operator when it lasts.',
  },
  starting: { cause: 'The image is fetched, or its process begins.', next: 'Wait.' },
  loading_model: { cause: 'The engine reads the weights.', next: '`eco logs` shows how far it is.' },
  ready: { cause: 'All replicas answer.', next: 'Call it.' },
  replica_restarting: { cause: 'A process ended and is started again.', next: '`eco logs` shows why it ended.' },
  scaling: { cause: 'Replicas are being added.', next: 'Wait.' },
  crashed: {
    cause: 'A process ended by itself. It is started again, and three times within ten minutes is a failure.',
    next: 'Read `eco logs`, mend the command or its arguments, launch again or `eco resume`.',
  },
  startup_timeout: {
    cause: 'No replica was ready within the startup budget.',
    next: '`eco logs`; launch with a larger `--startup-timeout` where loading is merely slow.',
  },
  bad_config: {
    cause: 'The process cannot be started as described.',
    next: 'The message names what is wrong: launch again with it mended.',
  },
  unresponsive: {
    cause: 'The process lives and does not answer its health path.',
    next: '`eco logs`; look at `--health-path` and the port.',
  },
  stopped_by_user: { cause: 'You stopped it.', next: '`eco resume`' },
  terminated_by_user: { cause: 'You ended it.', next: 'Launch anew.' },
  credit_depleted: { cause: 'The balance is used up.', next: 'Add money, then `eco resume`.' },
  replicas_stopping: { cause: 'Replicas finish their requests, for at most 30 seconds.', next: 'Wait.' },
  no_such_gpu: {
    cause: 'No machine of the region has a GPU of this type.',
    next: '`eco regions` lists the types; launch with another `--gpu` or `--region`.',
  },
  nodes_unavailable: {
    cause: 'The machines with these GPUs are down, or closed for new work.',
    next: 'Wait, or name another region; the operator sees to the machines.',
  },
  volume_unavailable: {
    cause: 'Storage that it needs cannot be attached.',
    next: 'Wait; tell the operator when it lasts.',
  },
  quota_exceeded: {
    cause: 'The cluster allows no more of this, whatever is free.',
    next: 'Stop something, ask for less, or have the operator raise the quota.',
  },
  policy_violation: {
    cause: 'A rule of the cluster forbids what the container asks for.',
    next: 'The message names the rule: launch without it, or ask the operator.',
  },
  image_not_found: {
    cause: 'The registry has no such image or tag.',
    next: 'Check the spelling of `--image`, and launch again.',
  },
  image_auth: {
    cause: 'The registry does not let the cluster read the image.',
    next: 'Make the image public, or have the operator add a login for the registry.',
  },
  image_arch: {
    cause: 'The image is made for other processors than those of the machines.',
    next: 'Build it for linux/amd64, or for what the region has, and launch again.',
  },
  image_network: {
    cause: 'The registry cannot be reached from the cluster.',
    next: 'Wait; tell the operator when it lasts.',
  },
  registry_rate_limited: {
    cause: 'The registry lets the cluster fetch no more for now.',
    next: 'Wait: it is tried again. A login for the registry raises the limit.',
  },
  sandbox_failed: {
    cause: 'The machine could not set up the container.',
    next: 'Wait: it is tried again, elsewhere if it can be. Tell the operator when it lasts.',
  },
  disk_full: {
    cause: 'A machine, or the container, has no disk space left.',
    next: 'Use a smaller image or model, or another region; the operator can free space.',
  },
  oom_host: {
    cause: 'The process took more main memory than it may.',
    next: 'Lower what it keeps in memory, or take more GPUs: memory comes with them.',
  },
  oom_gpu: {
    cause: 'The model, its cache and its batches do not fit into the memory of the GPUs.',
    next: 'Take more or larger GPUs, or a shorter context: `--arg` passes it to the engine.',
  },
  hf_gated: {
    cause: 'The repository is gated, and the owner of the token has not been let in.',
    next: 'Accept its terms on Hugging Face, then `eco resume`.',
  },
  hf_token_missing: {
    cause: 'The repository needs a token, and the model has none.',
    next: 'Register the model with `--token-stdin`, and launch it.',
  },
  weights_not_found: {
    cause: 'The repository, revision or path has no weights.',
    next: '`eco models show` tells where it looks; register it anew with the right place.',
  },
  driver_mismatch: {
    cause: 'The image needs a newer GPU driver than the machines have.',
    next: 'Use an image for an older CUDA, or another region.',
  },
  context_too_long: {
    cause: 'The context that was asked for does not fit into the memory of the GPUs.',
    next: 'Ask for a shorter one with `--arg`, or take more GPUs.',
  },
  bad_args: {
    cause: 'The engine does not know an argument, or refuses its value.',
    next: '`eco logs` shows which; launch again without it.',
  },
  evicted: {
    cause: 'The machine ran short and sent it away; it is started elsewhere.',
    next: 'Wait; if it happens often, ask for less disk and memory.',
  },
  preempted: {
    cause: 'Something more important took its GPUs; it is started again when some are free.',
    next: 'Wait, or name another region.',
  },
  node_lost: {
    cause: 'The machine stopped answering; its replicas are started elsewhere.',
    next: 'Wait.',
  },
};
