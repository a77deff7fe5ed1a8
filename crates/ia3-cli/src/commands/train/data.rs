use std::path::Path;

use anyhow::{Context, bail};
use ia3::train::Example;
use ia3::{Model, Task};
use serde::Deserialize;

use crate::args::Train;
use crate::text::Text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    input: String,
    target: String,
}

/// Reads examples as the base takes them.
pub(super) struct Reader<'a> {
    pub(super) text: Text,
    /// The base without its weights.
    pub(super) model: Model,
    pub(super) args: &'a Train,
}

impl Reader<'_> {
    pub(super) fn examples(&self, path: &Path) -> anyhow::Result<Vec<Example>> {
        let file =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let example = |(number, line): (usize, &str)| {
            let place = || format!("line {} of {}", number + 1, path.display());
            let line: Line = serde_json::from_str(line).with_context(place)?;
            self.example(&line).with_context(place)
        };
        let lines = file.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let examples: Vec<Example> = lines.map(example).collect::<anyhow::Result<_>>()?;
        if examples.is_empty() {
            bail!("{} holds no example; expected lines of {{\"input\": …, \"target\": …}}", path.display())
        }
        Ok(examples)
    }

    fn example(&self, line: &Line) -> anyhow::Result<Example> {
        let Train { max_input_tokens, max_target_tokens, .. } = *self.args;
        let input = self.text.encode_prompt(&line.input, Some(max_input_tokens), &self.model)?;
        if self.model.task() == Task::Seq2SeqLm {
            let target = self.text.encode(&line.target, Some(max_target_tokens))?;
            return Ok(Example { input, target: target.into() });
        }
        // Input and target are one row, which ends once.
        let ends = self.model.generation_config(0).eos_token_id;
        let mut target = self.text.encode_plain(&line.target)?;
        target.truncate(max_target_tokens.saturating_sub(1));
        target.extend(ends.first());
        Ok(Example { input, target: target.into() })
    }
}

/// The lines of a file that hold these rows, for a message.
pub(super) fn lines_of(path: &Path, rows: &[usize]) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let filled: Vec<usize> =
        text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()).map(|(i, _)| i + 1).collect();
    let numbers: Vec<String> = rows.iter().filter_map(|&row| Some(filled.get(row)?.to_string())).collect();
    format!("lines {} of {}", numbers.join(", "), path.display())
}
