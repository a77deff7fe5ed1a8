//! `/v1/classify`.

use axum::extract::State;
use ia3::Task;
use ia3::models::{ModelConfig, ProblemType};
use serde_json::{Value, json};

use super::answer::blocking;
use super::app::{App, now};
use super::error::ApiError;
use super::fields::Fields;
use super::inputs::{self, Input};
use super::json::Json;
use super::passes::{all, usage};
use crate::forward::{ForwardRequest, Wanted};
use crate::probabilities::log_probabilities;

pub(super) async fn classify(State(app): State<App>, mut fields: Fields) -> Result<Json, ApiError> {
    let model: String = fields.need("model")?;
    let max: Option<usize> = fields.take("truncate_prompt_tokens")?;
    let inputs = inputs::take(&mut fields, "input")?;
    fields.finish()?;
    let base = app.engines().base();
    if base.task() != Task::SequenceClassification {
        return Err(ApiError::field("model", "is no classifier of texts; /v1/models says what it answers"));
    }
    let adapter = app.adapter(&model).map(str::to_string);
    let of_blocking = app.clone();
    let requests = blocking(move || {
        let request = |input: Input| {
            let tokens = input.tokens(&of_blocking, "input", max)?;
            let request = ForwardRequest::new(tokens.ids, Wanted::Logits);
            Ok(request.with_token_types(tokens.types).with_adapter(adapter.clone()))
        };
        inputs.into_iter().map(request).collect::<Result<Vec<_>, ApiError>>()
    })
    .await?;
    let tokens = requests.iter().map(|request| request.ids.len()).sum();
    let logits = all(&app, requests).await?;
    let names = base.config().map(ModelConfig::label_names).unwrap_or_default();
    let problem = base.module().problem().unwrap_or(ProblemType::SingleLabelClassification);
    let entry = |(index, logits): (usize, &Vec<f32>)| entry(index, logits, problem, &names);
    let data: Vec<Value> = logits.iter().enumerate().map(entry).collect();
    let id = format!("classify-{}", uuid::Uuid::new_v4().simple());
    Ok(Json(json!({
        "id": id, "object": "list", "created": now(), "model": model, "data": data, "usage": usage(tokens)
    })))
}

/// The answer about a text, as vLLM gives it: probabilities of the classes, which sum to 1 where there is one class for each text, and
/// the most probable class. A regression has values and no class.
fn entry(index: usize, logits: &[f32], problem: ProblemType, names: &[String]) -> Value {
    let probabilities: Vec<f64> = match problem {
        ProblemType::Regression => return json!({"index": index, "values": logits}),
        ProblemType::MultiLabelClassification => {
            logits.iter().map(|logit| 1.0 / (1.0 + (-f64::from(*logit)).exp())).collect()
        }
        _ => log_probabilities(logits).map(f64::exp).collect(),
    };
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]).then(b.cmp(&a)));
    let label = best.map(|class| names.get(class).cloned().unwrap_or_else(|| format!("LABEL_{class}")));
    json!({"index": index, "label": label, "probs": probabilities, "num_classes": logits.len()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_names_and_probabilities() {
        let names = ["bad".to_string(), "good".to_string()];
        let one = entry(3, &[0.0, 3.0f32.ln()], ProblemType::SingleLabelClassification, &names);
        assert_eq!(
            (&one["index"], &one["label"], &one["num_classes"]),
            (&json!(3), &json!("good"), &json!(2))
        );
        assert!((one["probs"][1].as_f64().unwrap() - 0.75).abs() < 1e-6, "{one}");
        let several = entry(0, &[0.0, 0.0, -2.0], ProblemType::MultiLabelClassification, &[]);
        assert_eq!((&several["label"], &several["probs"][1]), (&json!("LABEL_0"), &json!(0.5)));
        assert_eq!(entry(1, &[2.5], ProblemType::Regression, &[]), json!({"index": 1, "values": [2.5]}));
    }
}
