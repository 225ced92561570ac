import { join, relative, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { registerArm } from './arm/arm-routes.ts'
import { armService } from './arm/arm-service.ts'
import { armPolicies } from './arm/associated/blob-policies.ts'
import { behaviourRegistry } from './arm/behaviour-registry.ts'
import { deploymentBehaviour } from './arm/behaviours/deployment.ts'
import { registerArmBehaviours } from './arm/behaviours/register.ts'
import { registerDeleted } from './arm/deleted-routes.ts'
import { registerDiscovery } from './arm/discovery.ts'
import { registerLocations } from './arm/locations.ts'
import { openOperations } from './arm/operations.ts'
import { presented } from './arm/present.ts'
import { registerProviders } from './arm/providers.ts'
import { openQuotas } from './arm/quotas.ts'
import { registerRegistries } from './arm/registry-routes.ts'
import { registerResourceHealth } from './arm/resource-health.ts'
import { registerServiceEvents } from './arm/service-events.ts'
import { audiencesOf } from './auth/audiences.ts'
import { registerAuthority } from './auth/authority-routes.ts'
import { serverCertificate } from './auth/certificates.ts'
import { openAuthority, writePrivate } from './auth/token-authority.ts'
import { openBlobEngine } from './blob/blob-engine.ts'
import { blobRequestHandler } from './blob/blob-server.ts'
import { errorXml } from './blob/storage-xml.ts'
import { startChores } from './chores.ts'
import { registerCompute } from './compute/register.ts'
import type { RegionContext, RegionLog } from './context.ts'
import { coverageOf } from './coverage/coverage.ts'
import { listRoutes } from './coverage/routes.ts'
import { mirrorRun } from './dataplane/mirror-run.ts'
import { registerDataPlane } from './dataplane/register.ts'
import { openRunStore } from './dataplane/run-store.ts'
import { openFaultGate } from './faults/fault-gate.ts'
import { registerFaults } from './faults/fault-routes.ts'
import { fileRequestHandler, isFileHost } from './files/file-server.ts'
import { openFileStore } from './files/file-service.ts'
import { guardRoutes } from './http/access.ts'
import { createApp } from './http/app.ts'
import { listen } from './http/listener.ts'
import { refuseMalformed } from './http/malformed.ts'
import { startNameProxy } from './http/name-proxy.ts'
import { openImageStore, registerImages } from './images/register.ts'
import { claimName, rememberedPorts, rememberPorts } from './region-facts.ts'
import { asDataDirError, makeDataDir } from './store/data-dir.ts'
import { lockDataDir, openDatabase } from './store/database.ts'
import { openRecycleBin } from './store/recycle-bin.ts'
import { openResourceStore } from './store/resource-store.ts'
import { openSecretStore } from './vault/secret-store.ts'
import { registerVault } from './vault/vault-routes.ts'

export interface RegionOptions {
  /** Region name as Azure writes it, e.g. `eastus`. */
  readonly name: string
  readonly dataDir: string
  /** Main listener; 0 (default): the port of the last start if it is free, else any. */
  readonly port?: number
  /** Blob listener; default: `port` + 1, or any when `port` is 0. */
  readonly storagePort?: number
  /** Folder of the local CA; regions that share one trust each other. Default: in `dataDir`. */
  readonly caDir?: string
  /**
   * IP address of this machine to listen on, and by which clients know the region. Default 127.0.0.1,
   * known as `localhost`; with another one, whoever reaches it may try to sign in.
   */
  readonly host?: string
  /** Command jobs that run at the same time; default 4. With 0, every job waits in the queue. */
  readonly jobSlots?: number
  readonly clock?: () => Date
  readonly log?: RegionLog
}

export interface RunningRegion {
  readonly name: string
  readonly origin: string
  readonly storageOrigin: string
  /** How a client reaches and signs in to this region. */
  readonly cloudFile: string
  readonly caPath: string
  /** Does now what is due by the clock, instead of at the next second. */
  look(): Promise<void>
  /** Ends cleanly; a region that is killed instead loses nothing that it acknowledged. */
  stop(): Promise<void>
}

/** Requests still open this long after `stop` are cut. */
const stopGraceMs = 2000
const tick = () => new Date()

/**
 * Starts a local region. Throws RegionError: `region.port-in-use`, `region.data-dir-in-use`,
 * `region.data-dir-unusable`, `region.name-differs`.
 */
export async function startRegion(options: RegionOptions): Promise<RunningRegion> {
  const dataDir = resolve(options.dataDir)
  const lock = takeDataDir(dataDir)
  const closers: Array<() => void | Promise<void>> = [() => lock.release()]
  /** Ends everything, also after one part failed to end; then tells. */
  const closeAll = async () => {
    const failures: unknown[] = []
    for (const close of closers.splice(0).reverse())
      await Promise.resolve()
        .then(close)
        .catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw new AggregateError(failures, 'the region did not end cleanly')
  }
  try {
    const running = await assemble({ ...options, dataDir }, closers)
    return { ...running, stop: closeAll }
  } catch (error) {
    await closeAll().catch((closing: unknown) => {
      throw new AggregateError([error, closing], 'the region neither started nor ended cleanly')
    })
    throw asDataDirError(dataDir, error)
  }
}

function takeDataDir(dataDir: string): ReturnType<typeof lockDataDir> {
  try {
    makeDataDir(dataDir)
    return lockDataDir(dataDir)
  } catch (error) {
    throw asDataDirError(dataDir, error)
  }
}

async function assemble(
  options: RegionOptions,
  closers: Array<() => void | Promise<void>>,
): Promise<Omit<RunningRegion, 'stop'>> {
  const { name, dataDir, clock: time = tick, log = silent, host = '127.0.0.1' } = options
  const db = openDatabase(dataDir)
  closers.push(() => {
    db.close()
  })
  claimName(db, dataDir, name)
  const faults = openFaultGate({ db, clock: time })
  closers.push(() => faults.close())
  const clock = () => new Date(time().getTime() + faults.skewMs())
  const certificate = await serverCertificate(
    // Jobs run in other folders and are told where it is.
    resolve(options.caDir ?? join(dataDir, 'ca')),
    time(),
    [host],
  )
  const ports = rememberedPorts(db, options)
  const tls = { host, key: certificate.key, cert: certificate.cert }
  const main = await listen({
    ...{ ...tls, ports: ports.main, portOption: '--port' },
    refuseMalformed: refuseMalformed('application/json; charset=utf-8', (code, message) =>
      JSON.stringify({ error: { code, message } }),
    ),
  })
  closers.push(() => main.close(stopGraceMs))
  const storage = await listen({
    ...{ ...tls, ports: ports.storage, portOption: '--storage-port' },
    refuseMalformed: refuseMalformed('application/xml', errorXml),
  })
  closers.push(() => storage.close(stopGraceMs))
  const proxy = await startNameProxy(ports.proxy)
  closers.push(() => proxy.close())
  rememberPorts(db, { main: main.port, storage: storage.port, proxy: proxy.port })
  const origin = `https://${knownAs(host)}:${main.port}`
  const storageOrigin = `https://${knownAs(host)}:${storage.port}`

  const audiences = audiencesOf(origin)
  const authority = await openAuthority({ dataDir, clock, time, origin: () => origin })
  const store = openResourceStore({ db, clock })
  const bin = openRecycleBin(db)
  const operations = openOperations({ db, clock })
  const behaviours = behaviourRegistry()
  const blobs = openBlobEngine({
    ...{ db, dataDir, clock, storageOrigin: () => storageOrigin },
    isDiskFull: faults.isDiskFull,
    policies: armPolicies(store, authority),
  })
  const files = openFileStore({ db, dataDir, clock, isDiskFull: faults.isDiskFull })
  const region: RegionContext = {
    name,
    dataDir,
    origin,
    storageOrigin,
    caPath: certificate.caPath,
    db,
    clock,
    authority,
    resources: store,
    blobs,
    files,
    runs: openRunStore({ db, clock, written: (...run) => mirrorRun(store, ...run) }),
    log,
  }
  const app = createApp({
    server: main.server,
    serve: (handler) => main.serve(faults.guard('main', handler)),
    log,
  })
  const storageService = {
    ...{ authority, clock, log, ca: certificate.ca },
    isReachable: (url: string) => !faults.isCutOff(url),
  }
  const serveBlobs = blobRequestHandler({ ...storageService, engine: blobs })
  const serveFiles = fileRequestHandler({
    ...{ ...storageService, store: files, storageOrigin: () => storageOrigin },
    keysOf: (account) => blobs.store.tables.keys(account),
  })
  storage.serve(
    faults.guard('storage', (req, res) =>
      isFileHost(req.headers.host) ? serveFiles(req, res) : serveBlobs(req, res),
    ),
  )
  const routes = listRoutes(app)
  guardRoutes(app, { authority, time, ...audiences })
  registerAuthority(app, {
    authority,
    origin,
    clock,
    audiences: [
      ...audiences.management,
      ...audiences.storage,
      ...audiences.vault,
      ...audiences.images,
    ],
  })
  registerFaults(app, faults)
  app.get('/_region/coverage', { config: { access: 'region' } }, async () => ({
    value: coverageOf(behaviours, routes),
  }))
  registerDiscovery(app, region)
  const quotas = openQuotas(region)
  registerLocations(app, region, quotas)
  registerServiceEvents(app, region, faults)
  registerResourceHealth(app, { region, store, faults })
  registerProviders(app, behaviours)
  const secrets = openSecretStore({ db, clock })
  registerVault(app, { region, secrets, audiences: audiences.vault })
  const images = openImageStore(region, faults.isDiskFull)
  registerImages(app, { region, images, audiences: audiences.images })
  registerArmBehaviours(behaviours, region, {
    ...{ store, bin, forgetSecrets: secrets.forget, forgetImages: images.forget },
  })
  const service = armService({
    ...{ db, store, bin, clock, operations, behaviours, log },
    regionName: name,
    untilOperationEnds: faults.untilOperationEnds,
  })
  registerRegistries(app, region)
  registerDeleted(app, { bin, service })
  behaviours.register(
    deploymentBehaviour(region, service, (resource) => presented(resource, behaviours)),
  )
  registerArm(app, { store, service, behaviours, operations, regionName: name, origin })
  registerDataPlane(app, region)
  const compute = registerCompute(app, { region, behaviours, quotas, jobSlots: options.jobSlots })
  closers.push(async () => {
    await compute.stop()
    faults.close()
    // What does not end in time is taken up again at the next start.
    await Promise.race([service.idle(), delay(stopGraceMs, undefined, { ref: false })])
    await app.close()
  })
  await app.ready()
  service.resume()
  await compute.start()
  const chores = startChores(
    [...compute.chores, { name: 'empty the recycle bin', work: () => service.purgeDue(clock()) }],
    log,
  )
  closers.push(() => chores.stop())

  const cloudFile = join(dataDir, 'cloud.json')
  const cloud = {
    name,
    resourceManager: origin,
    authority: origin,
    tenantId: authority.tenantId,
    ca: relative(dataDir, certificate.caPath),
    caBundle: relative(dataDir, certificate.caBundlePath),
    clientId: authority.clientId,
    clientSecretFile: relative(dataDir, authority.clientSecretFile),
    admin: `${origin}/_region`,
    proxy: `http://127.0.0.1:${proxy.port}`,
  }
  writePrivate(cloudFile, `${JSON.stringify(cloud, null, 2)}\n`)
  log.info({ origin, storageOrigin }, 'region is ready')
  const { caPath } = certificate
  return { name, origin, storageOrigin, cloudFile, caPath, look: chores.look }
}

function knownAs(host: string): string {
  if (host === '127.0.0.1') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

const nothing = () => undefined
const silent: RegionLog = { info: nothing, warn: nothing, error: nothing }
