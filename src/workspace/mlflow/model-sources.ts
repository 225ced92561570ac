import { HoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import type { CallOptions, PutOptions } from '../workspace.ts'
import type { MlflowLoggedModels } from './mlflow-logged-models.ts'
import type { MlflowRuns } from './mlflow-runs.ts'
import { text } from './run-document.ts'

/** Addresses of what model versions are made from, as this server keeps it. */
export class ModelSources {
  readonly #runs: Pick<MlflowRuns, 'get'>
  readonly #models: Pick<MlflowLoggedModels, 'artifactUri'>

  constructor(runs: Pick<MlflowRuns, 'get'>, models: Pick<MlflowLoggedModels, 'artifactUri'>) {
    this.#runs = runs
    this.#models = models
  }

  async placeOf(
    source: JsonObject,
    { origin, ...options }: PutOptions,
  ): Promise<{ readonly uri: string; readonly isGone: boolean }> {
    const path = text(source.path) === '' ? '' : `/${text(source.path)}`
    const id = text(source.runId) || text(source.loggedModelId)
    const mayBeGone = origin?.isSourceGone === true
    if (source.form === 'uri') return { uri: text(source.uri), isGone: false }
    if (source.form !== 'artifacts' && !mayBeGone)
      return { uri: `${text(source.form)}:/${id}${path}`, isGone: false }
    const base = await this.#baseOf(source, options)
    if (base !== '')
      return {
        uri: (source.form === 'artifacts' ? base : `${text(source.form)}:/${id}`) + path,
        isGone: false,
      }
    // Of a scheme for which the server demands nothing else.
    if (mayBeGone) return { uri: `s3://holdfast-source-gone/${id}/artifacts${path}`, isGone: true }
    throw new HoldfastError(
      'model-version.source-gone',
      `the artifacts it is made from belong to ${id}, which is not there`,
      {
        hint: 'Its run or logged model was deleted for good at the target; delete it at the source and make it anew.',
      },
    )
  }

  async #baseOf(source: JsonObject, options: CallOptions): Promise<string> {
    if (text(source.runId) === '')
      return this.#models.artifactUri(text(source.loggedModelId), options)
    return text((await this.#runs.get(text(source.runId), options))?.body.artifactUri)
  }
}
