//! What an option of the command line can do about an error of the libraries, which know no options.

use std::error::Error;

use ia3::AdapterError;
use ia3::core::QuantizationError;
use ia3::data::DataError;
use ia3::models::ModelError;
use ia3::train::TrainError;

/// The hint that belongs to an error, if there is one.
pub(crate) fn of(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(of_cause)
}

fn of_cause(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<ia3::Error>() {
        return match error {
            ia3::Error::Data(error) => of_data(error),
            ia3::Error::Train(error) => of_training(error),
            ia3::Error::Model(error) => of_model(error),
            ia3::Error::Adapter(error) => of_adapter(error),
            ia3::Error::PackedMerge(error) if error.is_rounding() => {
                Some("`ia3 merge --requantize` accepts the rounding error".into())
            }
            ia3::Error::ReadConfig { .. } => Some("--base takes the folder of the base".into()),
            _ => None,
        };
    }
    None.or_else(|| cause.downcast_ref().and_then(of_data))
        .or_else(|| cause.downcast_ref().and_then(of_training))
        .or_else(|| cause.downcast_ref().and_then(of_model))
        .or_else(|| cause.downcast_ref().and_then(of_adapter))
}

fn of_data(error: &DataError) -> Option<String> {
    match error {
        DataError::Line { source, .. } => of_data(source),
        DataError::NoField { field, .. } => {
            let option = match field.as_str() {
                "input" | "text" | "context" => "--input-field",
                "target" | "answers" => "--target-field",
                "text_pair" => "--text-pair-field",
                "question" => "--question-field",
                "choices" => "--choices-field",
                "label" | "answer" => "--label-field",
                _ => return None,
            };
            Some(format!("{option} NAME takes another field of the rows"))
        }
        DataError::NoAnswerField { .. } => {
            Some("--target-field, --label-field or --choices-field names the field of the answer".into())
        }
        DataError::NoLabelNames { .. } => {
            Some("--label-names NAME,… gives the names in the order of their numbers".into())
        }
        DataError::LabelForText { .. } => {
            Some("--label-names NAME,… gives the names, --template or --templates a template".into())
        }
        DataError::NoRoom { .. } => {
            Some("--max-input-tokens and --max-target-tokens are these limits".into())
        }
        DataError::PairForModel => Some("--template JINJA joins fields to one text".into()),
        DataError::NoRoomForContext { .. } => Some("--max-input-tokens is this limit".into()),
        DataError::Stride { .. } => Some("--doc-stride and --max-input-tokens set both".into()),
        DataError::TextTooLong { .. } => Some("--max-input-tokens is such a limit".into()),
        _ => None,
    }
}

fn of_training(error: &TrainError) -> Option<String> {
    match error {
        TrainError::Task { source, .. } => of_training(source),
        TrainError::Setting { name, .. } => Some(option(name)),
        TrainError::LossNotFinite { .. }
        | TrainError::GradientNotFinite { .. }
        | TrainError::ParameterNotFinite { .. } => Some("--lr RATE sets the learning rate".into()),
        TrainError::Model(error) => of_model(error),
        TrainError::Adapter(error) => of_adapter(error),
        _ => None,
    }
}

fn of_model(error: &ModelError) -> Option<String> {
    match error {
        ModelError::Generation { field, .. } => Some(option(field)),
        _ => None,
    }
}

fn of_adapter(error: &AdapterError) -> Option<String> {
    match error {
        AdapterError::Quantization(
            QuantizationError::InputVector { .. }
            | QuantizationError::NoOpposite { .. }
            | QuantizationError::SharedMinima { .. },
        ) => Some("`ia3 merge --requantize` accepts the rounding error".into()),
        AdapterError::Quantization(QuantizationError::SharedScales { .. }) => {
            Some("`ia3 merge --requantize` merges nevertheless".into())
        }
        _ => None,
    }
}

/// The option that sets a setting. Most have its name.
fn option(setting: &str) -> String {
    let name = if setting == "learning_rate" { "lr" } else { setting };
    format!("--{} sets it", name.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_named_for_what_they_can_change() {
        let missing = DataError::NoField { field: "input".into(), known: vec![] };
        let line = DataError::Line { path: "a".into(), line: 3, source: Box::new(missing) };
        let error = anyhow::Error::from(line).context("task `a`");
        assert_eq!(of(&error).unwrap(), "--input-field NAME takes another field of the rows");
        let rate =
            TrainError::Setting { name: "learning_rate", found: "-1".into(), expected: "a positive number" };
        assert_eq!(of(&rate.into()).unwrap(), "--lr sets it");
        let merged = AdapterError::from(QuantizationError::InputVector { path: "a".into() });
        assert!(of(&merged.into()).unwrap().starts_with("`ia3 merge --requantize`"));
        assert_eq!(of(&anyhow::anyhow!("something else")), None);
    }
}
