import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The files of an MLflow model of Python alone that answers 10 a + b, as that Python's MLflow saves it. */
export function mlflowModel(python: string): Record<string, string> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-mlflow-'))
  const folder = join(root, 'model')
  try {
    execFileSync(python, ['-c', saveModel, folder], { stdio: 'pipe' })
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    return Object.fromEntries(
      files
        .filter((file) => statSync(join(folder, file)).isFile())
        .map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
    )
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const saveModel = `
import sys, pathlib, tempfile, mlflow.pyfunc
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema
code = pathlib.Path(tempfile.mkdtemp()) / "model.py"
code.write_text("""
import mlflow.pyfunc
class Linear(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return 10 * model_input["a"] + model_input["b"]
from mlflow.models import set_model
set_model(Linear())
""")
signature = ModelSignature(inputs=Schema([ColSpec("double", "a"), ColSpec("double", "b")]))
mlflow.pyfunc.save_model(sys.argv[1], python_model=str(code), signature=signature, pip_requirements=["mlflow"])
`
