import type Database from 'libsql'
import { type Migration, migrate } from '../store/database.ts'

/** The text is part of an index: the database uses it only for the very same expression. */
export const startOrder = 'ifnull(started, -9007199254740991)'

/**
 * Made for a million runs: a run is a JSON document (`doc`, the writer's own fields) beside the
 * columns the service makes or looks up by. Instants are microseconds.
 *
 * `dp_workspaces.last_modified` is the workspace's clock: every change takes the next instant of it
 * inside its own transaction, so a reader that remembers the highest one it saw misses nothing.
 *
 * A value of NaN is NULL in `value` (SQLite has no NaN); a value that is no plain number has `data`.
 */
const migrations: readonly Migration[] = [
  {
    name: 'dataplane-1',
    sql: `
      CREATE TABLE IF NOT EXISTS dp_workspaces (
        ws INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        last_modified INTEGER NOT NULL DEFAULT 0
      );
      CREATE TABLE IF NOT EXISTS dp_experiments (
        experiment INTEGER PRIMARY KEY AUTOINCREMENT,
        ws INTEGER NOT NULL,
        experiment_id TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT,
        tags TEXT NOT NULL,
        doc TEXT NOT NULL,
        created INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        archived INTEGER,
        next_number INTEGER NOT NULL DEFAULT 1,
        UNIQUE (ws, name),
        UNIQUE (ws, experiment_id)
      );
      CREATE TABLE IF NOT EXISTS dp_runs (
        run INTEGER PRIMARY KEY AUTOINCREMENT,
        ws INTEGER NOT NULL,
        run_id TEXT NOT NULL,
        run_uuid TEXT NOT NULL,
        experiment INTEGER NOT NULL,
        number INTEGER NOT NULL,
        status TEXT NOT NULL,
        hidden INTEGER NOT NULL,
        parent TEXT,
        root TEXT NOT NULL,
        created INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        started INTEGER,
        ended INTEGER,
        sort_start INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        status_revision INTEGER NOT NULL,
        created_by TEXT NOT NULL,
        modified_by TEXT NOT NULL,
        doc TEXT NOT NULL,
        UNIQUE (ws, run_id)
      );
      CREATE INDEX IF NOT EXISTS dp_runs_by_workspace ON dp_runs (ws);
      CREATE INDEX IF NOT EXISTS dp_runs_by_modified ON dp_runs (ws, modified);
      CREATE INDEX IF NOT EXISTS dp_runs_by_start ON dp_runs (ws, sort_start);
      CREATE INDEX IF NOT EXISTS dp_runs_by_experiment ON dp_runs (experiment);
      CREATE INDEX IF NOT EXISTS dp_runs_by_experiment_modified ON dp_runs (experiment, modified);
      CREATE INDEX IF NOT EXISTS dp_runs_by_experiment_start ON dp_runs (experiment, sort_start);
      CREATE INDEX IF NOT EXISTS dp_runs_by_parent ON dp_runs (ws, parent) WHERE parent IS NOT NULL;
      CREATE TABLE IF NOT EXISTS dp_metrics (
        metric INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        uuid TEXT NOT NULL,
        schema TEXT NOT NULL,
        columns TEXT NOT NULL,
        scalar INTEGER NOT NULL,
        count INTEGER NOT NULL,
        last_value REAL,
        last_step INTEGER,
        last_ms INTEGER,
        UNIQUE (run, name, namespace)
      );
      CREATE TABLE IF NOT EXISTS dp_metric_values (
        metric INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        metric_id TEXT,
        created_ms INTEGER NOT NULL,
        created_text TEXT,
        step INTEGER,
        value REAL,
        data TEXT,
        PRIMARY KEY (metric, seq)
      ) WITHOUT ROWID;
      CREATE UNIQUE INDEX IF NOT EXISTS dp_metric_values_by_id
        ON dp_metric_values (metric, metric_id) WHERE metric_id IS NOT NULL;`,
  },
  {
    name: 'dataplane-started',
    sql: `
      CREATE INDEX IF NOT EXISTS dp_runs_by_started ON dp_runs (ws, ${startOrder});
      CREATE INDEX IF NOT EXISTS dp_runs_by_experiment_started ON dp_runs (experiment, ${startOrder});`,
  },
  {
    name: 'dataplane-logged-models',
    sql: `
      CREATE TABLE IF NOT EXISTS dp_logged_models (
        model INTEGER PRIMARY KEY AUTOINCREMENT,
        ws INTEGER NOT NULL,
        experiment_id TEXT NOT NULL,
        model_id TEXT NOT NULL,
        doc TEXT NOT NULL,
        UNIQUE (ws, model_id)
      );
      CREATE INDEX IF NOT EXISTS dp_logged_models_by_experiment
        ON dp_logged_models (ws, experiment_id);`,
  },
]

export function migrateDataPlane(db: Database.Database): void {
  migrate(db, migrations)
}
