mod environment;
mod python;

use minijinja::{Environment, Error, ErrorKind, Value};

use crate::error::DataError;
use crate::record::Record;
use crate::text_example::{Answer, TextExample};
use environment::{ANSWER_CHOICES, RANDOM, environment, random};

/// What separates input and target, and the answer choices.
const SEPARATOR: &str = "|||";
/// Stands for the separator inside a field while a template is rendered, as in promptsource's `templates.py`.
const PROTECTOR: &str = "3ed2dface8203c4c9dfb1a5dc58e41e0";

/// A prompt template in Jinja, as promptsource has it: it makes `input ||| target` of a row's fields.
///
/// The answer choices, where there are any, are another template, `choice ||| choice`; the first sees them as the list
/// `answer_choices`. Beside minijinja's filters there are promptsource's `choice` and `most_frequent` and its function
/// `zip`, and Python's methods of texts, lists and dictionaries. Values are written as Python writes them. A field
/// that the row has not is an error, also where Jinja would write nothing.
///
/// ```
/// use ia3_data::{Answer, Record, Template};
///
/// let template = Template::new("entails", "{{ a }} So {{ b }}? ||| {{ answer_choices[label] }}", Some("Yes ||| No"))?;
/// let row = Record::from_json(r#"{"a": "It rains.", "b": "it is wet", "label": 0}"#)?;
/// let example = template.render(&row, 0)?;
/// assert_eq!(example.input, "It rains. So it is wet?");
/// assert_eq!(example.answer, Answer::Choices { choices: vec!["Yes".into(), "No".into()], answer: 0 });
/// # Ok::<(), ia3_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
    environment: Environment<'static>,
    has_choices: bool,
}

const PROMPT: &str = "prompt";
const CHOICES: &str = "choices";

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    ///
    /// [`DataError::TemplateSyntax`].
    pub fn new(
        name: impl Into<String>,
        jinja: impl Into<String>,
        answer_choices: Option<&str>,
    ) -> Result<Self, DataError> {
        let (name, mut environment) = (name.into(), environment());
        let invalid = |error: Error| {
            let reason = reason(&error);
            DataError::TemplateSyntax { template: name.clone(), reason }
        };
        environment.add_template_owned(PROMPT, jinja.into()).map_err(invalid)?;
        if let Some(choices) = answer_choices {
            environment.add_template_owned(CHOICES, choices.to_string()).map_err(invalid)?;
        }
        Ok(Self { name, environment, has_choices: answer_choices.is_some() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has answer choices.
    pub fn has_answer_choices(&self) -> bool {
        self.has_choices
    }

    /// The example that it makes of a row. `seed` fixes what `choice` and `random` draw.
    ///
    /// # Errors
    ///
    /// A field that is not there, whatever else fails in the template, a number of parts other than two, a target that
    /// is none of the answer choices, an empty text.
    pub fn render(&self, row: &Record, seed: u64) -> Result<TextExample, DataError> {
        let (parts, choices) = self.parts(row, seed)?;
        let [input, target] = <[String; 2]>::try_from(parts)
            .map_err(|parts| DataError::TemplateParts { template: self.name.clone(), parts: parts.len() })?;
        let answer = match choices {
            None => Answer::Text(target),
            Some(choices) => self.answer(choices, target)?,
        };
        TextExample { input, answer }.check()
    }

    /// What promptsource's `Template.apply` and `get_answer_choices_list` give.
    fn parts(&self, row: &Record, seed: u64) -> Result<(Vec<String>, Option<Vec<String>>), DataError> {
        if row.has(ANSWER_CHOICES) {
            let reason = format!("the row has a field `{ANSWER_CHOICES}`, which is the template's own");
            return Err(DataError::TemplateRender { template: self.name.clone(), reason });
        }
        let mut fields = row.map_texts(|text| text.replace(SEPARATOR, PROTECTOR));
        fields.push((RANDOM.into(), random(seed)));
        let choices = match self.has_choices {
            true => Some(self.split(CHOICES, row, Value::from_pairs(fields.clone()))?),
            false => None,
        };
        // Protected as the fields are; promptsource leaves the separator of a choice to split the prompt.
        let protected = |choice: &String| choice.replace(SEPARATOR, PROTECTOR);
        let known: Option<Vec<String>> = choices.as_ref().map(|c| c.iter().map(protected).collect());
        fields.push((ANSWER_CHOICES.into(), Value::from(known)));
        Ok((self.split(PROMPT, row, Value::from_pairs(fields))?, choices))
    }

    fn split(&self, which: &str, row: &Record, context: Value) -> Result<Vec<String>, DataError> {
        let template = self.environment.get_template(which);
        let text = template.and_then(|t| t.render(context)).map_err(|e| self.failure(which, row, &e))?;
        let part = |part: &str| part.replace(PROTECTOR, SEPARATOR).trim().to_string();
        Ok(text.split(SEPARATOR).map(part).collect())
    }

    fn answer(&self, choices: Vec<String>, target: String) -> Result<Answer, DataError> {
        match choices.iter().position(|choice| *choice == target) {
            Some(answer) => Ok(Answer::Choices { choices, answer }),
            None => Err(DataError::TemplateAnswer { template: self.name.clone(), target, choices }),
        }
    }

    /// Names the missing fields where that is what failed.
    fn failure(&self, which: &str, row: &Record, error: &Error) -> DataError {
        let template = self.name.clone();
        let known = row.names();
        let fields = match error.kind() {
            ErrorKind::UndefinedError => self.unknown(which, &known),
            _ => vec![],
        };
        match fields.is_empty() {
            true => DataError::TemplateRender { template, reason: reason(error) },
            false => DataError::TemplateField { template, fields, known },
        }
    }

    /// What a template reads that is neither a field nor built in.
    fn unknown(&self, which: &str, known: &[String]) -> Vec<String> {
        let names = self.environment.get_template(which).map(|t| t.undeclared_variables(false));
        let built_in: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let unknown = |name: &String| {
            name != ANSWER_CHOICES && !built_in.contains(&name.as_str()) && !known.contains(name)
        };
        let mut unknown: Vec<String> = names.unwrap_or_default().into_iter().filter(unknown).collect();
        unknown.sort();
        unknown
    }
}

/// What an error says, with its causes, on one line.
fn reason(error: &Error) -> String {
    let mut text = match (error.detail(), error.line()) {
        (Some(detail), Some(line)) => format!("{}: {detail} (line {line} of the template)", error.kind()),
        (None, Some(line)) => format!("{} (line {line} of the template)", error.kind()),
        (Some(detail), None) => format!("{}: {detail}", error.kind()),
        (None, None) => error.kind().to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
