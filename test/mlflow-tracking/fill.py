"""What people keep beside runs: models and versions with a gap, prompts, logged models, traces."""
import mlflow
import mlflow.data
import pandas
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput
from mlflow.entities.assessment import AssessmentSource
c = MlflowClient()
mlflow.set_experiment('reg')
class M(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]): return model_input
with mlflow.start_run(run_name='train') as r:
    mi = mlflow.pyfunc.log_model(name='clf', python_model=M(), params={'lr': '0.1'}, tags={'stage': 'x'}, registered_model_name='fraud')
    mlflow.log_metric('auc', 0.9, step=1, model_id=mi.model_id)
    ds = mlflow.data.from_pandas(pandas.DataFrame({'a': [1]}), name='d')
    mlflow.log_metric('acc', float('nan'), step=2, dataset=ds, model_id=mi.model_id)
with mlflow.start_run(run_name='evaluate') as e:
    mlflow.log_input(ds, context='eval', model=None)
    mlflow.log_metric('auc', 0.7, model_id=mi.model_id)
    c.log_inputs(e.info.run_id, models=[LoggedModelInput(mi.model_id)])
v2 = c.create_model_version('fraud', f'runs:/{r.info.run_id}/model', r.info.run_id, tags={'a':'b'}, description='two')
v3 = c.create_model_version('fraud', f'models:/{mi.model_id}', r.info.run_id, model_id=mi.model_id)
v4 = c.create_model_version('fraud', r.info.artifact_uri + '/old', r.info.run_id, run_link='https://example.org/run')
c.create_registered_model('empty', tags={'k': 'é'})
c.delete_model_version('fraud', '2')
c.set_registered_model_alias('fraud', 'champion', '3')
c.transition_model_version_stage('fraud', '1', 'Staging')
c.update_registered_model('fraud', description='Größe')
c.set_registered_model_tag('fraud', 'team', 'x')
mlflow.genai.register_prompt('greet', 'Hello {{name}}', commit_message='first', tags={'t': '1'})
mlflow.genai.register_prompt('greet', [{'role':'user','content':'Hi {{name}}'}], commit_message='second')
mlflow.genai.set_prompt_alias('greet', 'production', 2)
@mlflow.trace(span_type='LLM', attributes={'k': 'v'})
def inner(x): return {'y': x * 2, 'ü': float('inf')}
@mlflow.trace
def outer(x):
    with mlflow.start_span('mid') as s:
        s.set_inputs({'q': 1}); s.add_event(mlflow.entities.SpanEvent('ev', attributes={'n': 1}))
        inner(x)
    mlflow.update_current_trace(tags={'tt': 'vv'}, metadata={'mm': 'nn'})
    return 'done'
outer(3)
tid = mlflow.get_last_active_trace_id()
with mlflow.start_run(run_name='traced'):
    try:
        @mlflow.trace
        def bad(): raise ValueError('no')
        bad()
    except ValueError: pass
mlflow.flush_trace_async_logging()
mlflow.log_feedback(trace_id=tid, name='good', value=True, rationale='because', source=AssessmentSource('HUMAN','ann'), metadata={'m':'1'})
mlflow.log_expectation(trace_id=tid, name='want', value={'a': [1]}, source=AssessmentSource('HUMAN','bob'))
