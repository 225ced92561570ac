"""What a team does at the other side while that is primary."""
import mlflow
from mlflow import MlflowClient

c = MlflowClient()
exp = mlflow.set_experiment('reg').experiment_id
model = c.search_logged_models([exp])[0]
c.update_model_version('fraud', '3', 'described after the failover')
c.create_model_version('fraud', f'models:/{model.model_id}', model.source_run_id, model_id=model.model_id, description='eight')
c.set_registered_model_alias('fraud', 'champion', '8')
c.set_logged_model_tags(model.model_id, {'moved': 'yes'})
c.set_trace_tag(c.search_traces(locations=[exp])[0].info.trace_id, 'moved', 'yes')


class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]):
        return model_input


with mlflow.start_run(run_name='retrain'):
    mlflow.pyfunc.log_model(name='clf2', python_model=Model(), registered_model_name='fraud2')


@mlflow.trace
def west(x):
    return x


west(1)
mlflow.flush_trace_async_logging()
