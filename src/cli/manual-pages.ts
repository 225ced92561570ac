import type { CommandName } from './commands.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import type { ManualPage } from './manual.ts'

const { ok, unexpected, usage, partial, operator } = exitCodes
const { unreachable, conflict, unknownOutcome, tampered, interrupted } = exitCodes

/** A command that only looks. */
const looks: readonly ExitCode[] = [ok, unexpected, usage, operator, unreachable, interrupted]
/** A command that works without a controller. */
const alone: readonly ExitCode[] = [ok, unexpected, usage, operator]
const onWorkspace: readonly ExitCode[] = [ok, unexpected, usage, partial, operator, unreachable]
/** A command that starts an operation and follows it. */
const operates: readonly ExitCode[] = [
  ...[ok, unexpected, usage, partial, operator],
  ...[unreachable, conflict, unknownOutcome, interrupted],
]
const serves: readonly ExitCode[] = [ok, unexpected, usage, operator, unreachable, conflict]
const moveMeanings = { 3: 'partial: the group moved; the report names what is not proven' }

const pages: Readonly<Record<CommandName, ManualPage>> = {
  region: {
    about:
      'A local region is a real workspace service on this machine: it keeps assets and runs, runs jobs as processes and serves endpoints. It keeps its state in the data directory and survives a kill.',
    exits: alone,
    seeAlso: ['init', 'demo'],
  },
  init: {
    about:
      'Writes a plan file that names two workspaces. What is not said has a default; the plan file is then yours to edit.',
    exits: alone,
    seeAlso: ['plan', 'assess'],
  },
  import: {
    about: 'Reads specifications as the Azure ML CLI v2 does and creates what they describe.',
    exits: onWorkspace,
    meanings: { 3: 'partial: some objects could not be created; they are listed' },
    seeAlso: ['export', 'sync'],
  },
  export: {
    about:
      'Writes one file per object, the same bytes for the same content, so that the folder can be kept in Git. Secrets are not written; where one belongs stands the name of a variable, HOLDFAST_SECRET_…, which `holdfast import` reads from the environment.',
    exits: onWorkspace,
    meanings: { 3: 'partial: some objects could not be read; they are listed' },
    seeAlso: ['import'],
  },
  completion: {
    about:
      'The script completes commands, options and their choices, and what a running controller knows: members, kinds, objects in conflict, operations. Where none runs it offers nothing of these.',
    exits: [ok, unexpected, usage],
    seeAlso: ['status'],
  },
  plan: {
    about:
      'Compares both sides and prints what a sync would do, without doing it. A plan that was reviewed can be saved and applied later; it is refused when the world has changed meanwhile.',
    exits: looks,
    seeAlso: ['sync', 'drift', 'conflicts'],
  },
  sync: {
    about:
      'Copies what is missing or changed to the other side, reads it there again and compares. Only a pass in which everything in scope is proven moves the replication point. Nothing is deleted, and nothing that others wrote or changed is overwritten: that becomes a conflict.',
    exits: operates,
    seeAlso: ['plan', 'objects', 'conflicts', 'verify'],
  },
  verify: {
    about:
      'Reads what the ledger calls proven once more on both sides. What differs is not proven any more: the replication point stops until a sync has mended it or reports a conflict.',
    exits: operates,
    meanings: { 3: 'something is not what was proven' },
    seeAlso: ['sync', 'objects'],
  },
  drift: {
    about:
      'Looks for what somebody changed at the secondary, and for what is missing there although it was proven. With --fix a full sync brings it back.',
    exits: operates,
    meanings: { 3: 'there is drift, or some of it no sync mends' },
    seeAlso: ['sync', 'conflicts'],
  },
  conflicts: {
    about:
      'Lists objects that both sides changed. Keeping the content of one member writes it to the other, what that one has is put aside first; `--keep both` leaves them different, and listed. Fields that a service lets nobody change (where a model version lies) allow only that: register a new version instead. A resolution holds for the content it was made for; what changes again conflicts again. Rules for whole kinds stand in the plan file: conflicts: [{ kind: data, name: "raw-*", keep: source }]',
    exits: [...looks, partial],
    meanings: { 3: 'there are conflicts that are not kept apart by decision' },
    seeAlso: ['sync', 'objects', 'drift'],
  },
  objects: {
    about:
      'Prints the ledger: one row for each object, with what was proven and what went wrong. In a terminal long names are cut; CSV, YAML and JSON are whole.',
    exits: looks,
    seeAlso: ['status', 'conflicts', 'sync'],
  },
  resolve: {
    about:
      'Between MLflow servers a copied run has another id. This finds the other one, from either side.',
    exits: looks,
    meanings: { 4: 'no copy of this run is known' },
    seeAlso: ['sync'],
  },
  status: {
    about:
      'Shows the failover group: where writes go, how far the other side is behind, the health of each member, and the operation that is under way. --watch keeps it on the screen; press ? there for the keys.',
    exits: looks,
    seeAlso: ['assess', 'objects', 'failover'],
  },
  assess: {
    about:
      'Looks at quotas, images, policies, networks and the state of replication, and says what would stop or slow a failover at this moment.',
    exits: [...looks, partial],
    meanings: { 0: 'ready', 3: 'degraded', 4: 'not ready, or a human has to act first' },
    seeAlso: ['failover', 'drill'],
  },
  jobs: {
    about:
      'Lists jobs that run at the primary and what the next failover would do with each, and after a failover which job runs again from which checkpoint.',
    exits: looks,
    seeAlso: ['failover', 'status'],
  },
  decisions: {
    about: 'Prints the log of decisions, newest first, those made by hand included.',
    exits: looks,
    seeAlso: ['pause', 'acknowledge'],
  },
  audit: {
    about:
      'Prints what people and Holdfast did: each entry carries the digest of the one before, and heads are signed and kept elsewhere, so that a change of the past shows. `holdfast audit verify` reads all of it and checks it.',
    exits: [...looks, tampered],
    seeAlso: ['decisions', 'status'],
  },
  notify: {
    about:
      'Sends a message through each channel of the plan, so that the way to people is known to work before it is needed.',
    exits: looks,
    seeAlso: ['controller', 'status'],
  },
  history: {
    about:
      'Lists operations, newest first, with who asked for them, how they ended, what their reports measured and where a saved report lies.',
    exits: looks,
    seeAlso: ['report', 'audit', 'decisions'],
  },
  report: {
    about:
      'Every failover, switchover, failback, re-protection and drill writes a report, and the controller signs it. `report save` keeps it with its signature; `report verify` checks one that somebody hands you, without asking the controller.',
    exits: [...looks, tampered],
    seeAlso: ['audit', 'drill'],
  },
  console: {
    about:
      'The link signs a browser in once, within ten minutes. Until then it is a secret. A controller has to run.',
    exits: looks,
    seeAlso: ['controller', 'status'],
  },
  failover: {
    about:
      'Makes the other member primary in a new epoch without asking the failed one anything: fences it, creates what stands cold, moves traffic and runs interrupted jobs again from their checkpoints. It is refused while the source answers on every plane. Asked twice, it is done once; interrupted, it is gone on with.',
    exits: operates,
    meanings: moveMeanings,
    seeAlso: ['status', 'assess', 'reprotect', 'switchover'],
  },
  switchover: {
    about:
      'Moves the group while both sides answer: the primary is fenced, the rest is brought over, then the other side leads. Nothing is lost.',
    exits: operates,
    meanings: moveMeanings,
    seeAlso: ['failover', 'failback'],
  },
  failback: {
    about: 'A switchover back to the member that the plan calls primary.',
    exits: operates,
    meanings: moveMeanings,
    seeAlso: ['reprotect', 'switchover'],
  },
  reprotect: {
    about:
      'When the old primary answers again: brings over what only it has, then replicates to it. Nothing is overwritten unseen.',
    exits: operates,
    seeAlso: ['failover', 'failback', 'conflicts'],
  },
  drill: {
    about:
      'Restores a copy at the other side, scores its endpoints, measures, and removes everything it made. Protection goes on meanwhile.',
    exits: operates,
    meanings: { 3: 'partial: not everything answered in the rehearsal' },
    seeAlso: ['assess', 'failover'],
  },
  approve: {
    about:
      'Steps of the plan, or a whole run, may wait for people. Each person counts once, and the one who asked for the run does not count unless the plan says so. When enough have agreed, the operation goes on.',
    exits: operates,
    seeAlso: ['reject', 'status'],
  },
  reject: {
    about:
      'Ends the wait and fails the operation; nothing after that step is done. `holdfast retry` asks again, `holdfast abort` undoes what came before.',
    exits: operates,
    seeAlso: ['approve', 'abort'],
  },
  retry: {
    about:
      'The same run once more: every step looks first, so only what is missing is done. A failover that moved nothing for an hour is begun anew instead.',
    exits: operates,
    seeAlso: ['skip', 'abort', 'status'],
  },
  skip: {
    about:
      'Only steps that no promise depends on can be left out, and none that acts at this moment. Whoever leaves one out stands with the reason in the journal and the report, and the outcome is partial. After a failure it takes effect with `holdfast retry`.',
    exits: operates,
    seeAlso: ['retry', 'abort'],
  },
  abort: {
    about:
      'Undoes the steps of a failover, switchover or failback, last one first, as long as the new epoch has not begun. After that the way back is to finish the move and then run `holdfast failback`.',
    exits: operates,
    meanings: { 130: 'aborted: what was done is undone' },
    seeAlso: ['retry', 'failback'],
  },
  controller: {
    about:
      'Runs until Ctrl-C. State and an embedded PostgreSQL are kept in the state directory; set HOLDFAST_DATABASE_URL to use a PostgreSQL of your own. What is under way when it ends goes on at its next start.',
    exits: serves,
    seeAlso: ['status', 'console', 'token', 'probe', 'gateway', 'worker'],
  },
  token: {
    about:
      'A token is for one failover group, until it expires or is revoked. It is shown when it is created and never again: the controller keeps its SHA-256 only. Machines neither approve nor say who may call. Callers send it as `Authorization: Bearer …`, commands read it from HOLDFAST_TOKEN.',
    exits: looks,
    seeAlso: ['controller', 'audit'],
  },
  gateway: {
    about:
      'Serves one scoring address that leads to the effective primary. It runs without the controller once it knows whom to follow.',
    exits: serves,
    seeAlso: ['controller', 'failover'],
  },
  probe: {
    about:
      'Probes the members from where it runs and reports to the controller of --server. Its token is read from HOLDFAST_TOKEN. Automatic failover needs two of three such views.',
    exits: serves,
    seeAlso: ['controller', 'decisions'],
  },
  worker: {
    about:
      'Copies and proves runs and blobs of the passes that controllers on the same PostgreSQL begin, a batch at a time, beside the controllers themselves. Start as many as you like, wherever both regions and the database of HOLDFAST_DATABASE_URL can be reached; the plan comes with each pass, credentials from the environment of the worker, as those of a controller do. At Ctrl-C it finishes what it has begun. What a killed one held, others take over.',
    exits: serves,
    seeAlso: ['controller', 'sync', 'status'],
  },
  pause: {
    about: 'Until `holdfast resume` nothing is decided without a human. Operations by hand go on.',
    exits: looks,
    seeAlso: ['resume', 'decisions'],
  },
  resume: {
    about: 'Lets automatic decisions go on after `holdfast pause`.',
    exits: looks,
    seeAlso: ['pause', 'decisions'],
  },
  acknowledge: {
    about: 'After an automatic failover another one waits until a human has seen the first.',
    exits: looks,
    seeAlso: ['decisions', 'status'],
  },
  demo: {
    about:
      'Starts two local regions, protects one, takes it down while a job trains and an endpoint answers, fails over and brings it back. Everything is real and lives in one folder.',
    exits: [ok, unexpected, usage, operator, interrupted],
    seeAlso: ['region', 'controller'],
  },
}

/** By the name of the command. */
export const manualPages: Readonly<Record<string, ManualPage>> = pages
