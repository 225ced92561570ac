"""Changes at the source after a first pass."""
import mlflow
from mlflow import MlflowClient
from mlflow.entities.assessment import AssessmentSource

c = MlflowClient()
exp = mlflow.set_experiment('reg').experiment_id
model = c.search_logged_models([exp])[0]
c.delete_model_version_tag('fraud', '1', 'stage')
c.set_model_version_tag('fraud', '3', 'checked', 'yes')
c.transition_model_version_stage('fraud', '1', 'Archived')
c.set_registered_model_alias('fraud', 'champion', '1')
c.set_registered_model_alias('fraud', 'next', '4')
v5 = c.create_model_version('fraud', f'models:/{model.model_id}', model.source_run_id, model_id=model.model_id)
v6 = c.create_model_version('fraud', f'models:/{model.model_id}', model.source_run_id, model_id=model.model_id)
v7 = c.create_model_version('fraud', f'models:/{model.model_id}', model.source_run_id, model_id=model.model_id, description='seven')
c.delete_model_version('fraud', '5')
c.delete_model_version('fraud', '6')
c.delete_registered_model_tag('fraud', 'team')
c.set_logged_model_tags(model.model_id, {'reviewed': 'é'})
c.delete_logged_model_tag(model.model_id, 'stage')
c.log_metric(model.source_run_id, 'auc', 0.95, step=7, model_id=model.model_id)
mlflow.genai.register_prompt('greet', 'Third {{name}}')
mlflow.genai.delete_prompt_alias('greet', 'production')
done = [t for t in c.search_traces(locations=[exp]) if t.info.state == 'OK'][0].info
c.set_trace_tag(done.trace_id, 'tt', 'changed')
c.set_trace_tag(done.trace_id, 'more', '1')
mlflow.delete_assessment(done.trace_id, [a for a in done.assessments if a.name == 'want'][0].assessment_id)
mlflow.log_feedback(trace_id=done.trace_id, name='later', value=0.5, source=AssessmentSource('LLM_JUDGE', 'judge'))


@mlflow.trace
def again(x):
    return x


again(1)
mlflow.flush_trace_async_logging()
