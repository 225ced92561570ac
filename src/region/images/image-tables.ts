import type Database from 'libsql'
import { inTransaction, migrate } from '../store/database.ts'

export interface StoredManifest {
  readonly digest: string
  readonly mediaType: string
  readonly content: Buffer
}
export interface NamePage {
  /** Names after this one. */
  readonly after: string
  readonly limit: number
}

/**
 * What the container registries of a region hold: manifests and tags whole, of layers which repository
 * knows which. The bytes of layers lie in `LayerFiles`; a row is written after them and so always has
 * its bytes. A manifest and the tag that leads to it appear in one transaction.
 */
export class ImageTables {
  readonly #db: Database.Database

  constructor(db: Database.Database) {
    this.#db = db
    migrate(db, [{ name: 'images-1', sql: tables }])
  }

  addLayer(registry: string, repository: string, digest: string, sizeBytes: number): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO image_layers VALUES (?, ?, ?, ?)')
      .run(registry, repository, digest, sizeBytes)
  }

  /** Size of a layer or configuration that the repository knows. */
  layerSize(registry: string, repository: string, digest: string): number | undefined {
    const row = this.#db
      .prepare('SELECT size FROM image_layers WHERE registry = ? AND repository = ? AND digest = ?')
      .get(registry, repository, digest) as { size: number } | undefined
    return row?.size
  }

  putManifest(
    registry: string,
    repository: string,
    { digest, mediaType, content }: StoredManifest,
    tag: string | undefined,
  ): void {
    inTransaction(this.#db, () => {
      this.#db
        .prepare('INSERT OR REPLACE INTO image_manifests VALUES (?, ?, ?, ?, ?)')
        .run(registry, repository, digest, mediaType, content)
      if (tag !== undefined)
        this.#db
          .prepare('INSERT OR REPLACE INTO image_tags VALUES (?, ?, ?, ?)')
          .run(registry, repository, tag, digest)
    })
  }

  /** By tag or digest. */
  manifest(registry: string, repository: string, reference: string): StoredManifest | undefined {
    const digest = reference.includes(':')
      ? reference
      : this.#digestOf(registry, repository, reference)
    const row = this.#db
      .prepare(
        'SELECT digest, media_type AS mediaType, content FROM image_manifests WHERE registry = ? AND repository = ? AND digest = ?',
      )
      .get(registry, repository, digest ?? '') as StoredManifest | undefined
    return row && { ...row, content: Buffer.from(row.content) }
  }

  #digestOf(registry: string, repository: string, tag: string): string | undefined {
    const row = this.#db
      .prepare('SELECT digest FROM image_tags WHERE registry = ? AND repository = ? AND tag = ?')
      .get(registry, repository, tag) as { digest: string } | undefined
    return row?.digest
  }

  /** With the tags that lead to it. False: there is none. */
  deleteManifest(registry: string, repository: string, digest: string): boolean {
    return inTransaction(this.#db, () => {
      const of = [registry, repository, digest]
      const where = 'WHERE registry = ? AND repository = ? AND digest = ?'
      this.#db.prepare(`DELETE FROM image_tags ${where}`).run(...of)
      return this.#db.prepare(`DELETE FROM image_manifests ${where}`).run(...of).changes > 0
    })
  }

  repositories(registry: string, { after, limit }: NamePage): string[] {
    return this.#names(
      'SELECT DISTINCT repository AS name FROM image_manifests WHERE registry = ? AND repository > ? ORDER BY repository LIMIT ?',
      [registry, after, limit],
    )
  }

  tags(registry: string, repository: string, { after, limit }: NamePage): string[] {
    return this.#names(
      'SELECT tag AS name FROM image_tags WHERE registry = ? AND repository = ? AND tag > ? ORDER BY tag LIMIT ?',
      [registry, repository, after, limit],
    )
  }

  isRepository(registry: string, repository: string): boolean {
    const row = this.#db
      .prepare('SELECT 1 FROM image_manifests WHERE registry = ? AND repository = ? LIMIT 1')
      .get(registry, repository)
    return row !== undefined
  }

  /** Of a registry that is deleted. */
  forget(registry: string): void {
    inTransaction(this.#db, () => {
      for (const table of ['image_layers', 'image_manifests', 'image_tags'])
        this.#db.prepare(`DELETE FROM ${table} WHERE registry = ?`).run(registry)
    })
  }

  #names(sql: string, of: readonly (string | number)[]): string[] {
    return (this.#db.prepare(sql).all(...of) as { name: string }[]).map(({ name }) => name)
  }
}

const tables = `
CREATE TABLE image_layers (
  registry TEXT NOT NULL, repository TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY (registry, repository, digest)
) WITHOUT ROWID;
CREATE TABLE image_manifests (
  registry TEXT NOT NULL, repository TEXT NOT NULL, digest TEXT NOT NULL,
  media_type TEXT NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (registry, repository, digest)
);
CREATE TABLE image_tags (
  registry TEXT NOT NULL, repository TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,
  PRIMARY KEY (registry, repository, tag)
) WITHOUT ROWID;
`
