pub(crate) mod deep_stack;
mod environment;
pub(crate) mod python;

use ia3_guard::caught;
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::error::{DataError, TemplateError};
use crate::record::Record;
use crate::text_example::{Answer, TextExample};
use environment::{ANSWER_CHOICES, RANDOM, environment, random};

/// Separates the input from the target, and the answer choices from each other.
const SEPARATOR: &str = "|||";
/// Replaces a separator inside a field while a template is rendered, as in promptsource's `templates.py`.
const PROTECTOR: &str = "3ed2dface8203c4c9dfb1a5dc58e41e0";

/// A prompt template in Jinja, as promptsource has it. It turns the fields of a row into `input ||| target`.
///
/// The answer choices, if there are any, are a second template, `choice ||| choice`. The first template can use them as the
/// list `answer_choices`. In addition to minijinja's filters, templates can use promptsource's filters `choice` and
/// `most_frequent`, its function `zip`, and Python's methods of texts, lists and dictionaries. Values are written as Python
/// writes them. A field that the row does not have is an error, even where Jinja would write nothing.
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
    /// Whether it needs a deep stack.
    is_deep: bool,
}

/// The largest source of a template.
const MAX_SOURCE: usize = 64 << 10;
/// How many steps a template may take for a row; a step is an instruction or the writing of 64 bytes.
const FUEL: u64 = 1_000_000;
/// A long row gives a step for each of this many bytes, so that its text can be copied some times.
const BYTES_PER_FUEL: u64 = 4;

const PROMPT: &str = "prompt";
const CHOICES: &str = "choices";

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Syntax`] if the template or the answer choices are not valid Jinja.
    pub fn new(
        name: impl Into<String>,
        jinja: impl Into<String>,
        answer_choices: Option<&str>,
    ) -> Result<Self, TemplateError> {
        let (name, mut environment) = (name.into(), environment());
        let jinja = jinja.into();
        let is_deep = [Some(jinja.as_str()), answer_choices].into_iter().flatten().any(deep_stack::is_needed);
        let sources = [(PROMPT, Some(jinja)), (CHOICES, answer_choices.map(str::to_string))];
        for (which, source) in sources {
            let Some(source) = source else { continue };
            if source.len() > MAX_SOURCE {
                return Err(TemplateError::TooLong {
                    template: name,
                    bytes: source.len(),
                    limit: MAX_SOURCE,
                });
            }
            let add = || environment.add_template_owned(which, source).map_err(|error| reason(&error));
            let added = deep_stack::run(is_deep, || caught(add).unwrap_or_else(Err)).unwrap_or_else(Err);
            if let Err(reason) = added {
                return Err(TemplateError::Syntax { template: name, reason });
            }
        }
        environment.set_fuel(Some(FUEL));
        Ok(Self { name, environment, has_choices: answer_choices.is_some(), is_deep })
    }

    /// The name of the template.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the template has answer choices.
    pub fn has_answer_choices(&self) -> bool {
        self.has_choices
    }

    /// Renders the template for a row. `seed` fixes what the filters `choice` and `random` draw.
    ///
    /// # Errors
    ///
    /// A field is missing, the template fails for another reason, it gives a number of parts other than two, its target is
    /// none of the answer choices, or a text is empty.
    pub fn render(&self, row: &Record, seed: u64) -> Result<TextExample, DataError> {
        let (parts, choices) = self.parts(row, seed)?;
        let [input, target] = <[String; 2]>::try_from(parts)
            .map_err(|parts| TemplateError::Parts { template: self.name.clone(), parts: parts.len() })?;
        let answer = match choices {
            None => Answer::Text(target),
            Some(choices) => self.answer(choices, target)?,
        };
        TextExample::new(input, answer).check()
    }

    /// The parts and the answer choices, as promptsource's `Template.apply` and `get_answer_choices_list` return them.
    fn parts(&self, row: &Record, seed: u64) -> Result<(Vec<String>, Option<Vec<String>>), TemplateError> {
        if row.has(ANSWER_CHOICES) {
            let reason = format!("the row has a field `{ANSWER_CHOICES}`, which is the template's own");
            return Err(TemplateError::Render { template: self.name.clone(), reason });
        }
        let mut fields = row.map_texts(|text| text.replace(SEPARATOR, PROTECTOR));
        fields.push((RANDOM.into(), random(seed)));
        let choices = match self.has_choices {
            true => Some(self.split(CHOICES, row, Value::from_pairs(fields.clone()))?),
            false => None,
        };
        // Separators in choices are protected as those in fields are. In promptsource they would split the prompt.
        let protected = |choice: &String| choice.replace(SEPARATOR, PROTECTOR);
        let known: Option<Vec<String>> = choices.as_ref().map(|c| c.iter().map(protected).collect());
        fields.push((ANSWER_CHOICES.into(), Value::from(known)));
        Ok((self.split(PROMPT, row, Value::from_pairs(fields))?, choices))
    }

    fn split(&self, which: &str, row: &Record, context: Value) -> Result<Vec<String>, TemplateError> {
        let render = |environment: &Environment| environment.get_template(which)?.render(context);
        let fuel = FUEL.max(row.bytes() as u64 / BYTES_PER_FUEL);
        let rendered = || match fuel > FUEL {
            false => render(&self.environment),
            true => {
                let mut environment = self.environment.clone();
                environment.set_fuel(Some(fuel));
                render(&environment)
            }
        };
        let checked = || rendered().map_err(|error| self.failure(which, row, fuel, &error));
        let panicked = |reason| TemplateError::Render { template: self.name.clone(), reason };
        let text = deep_stack::run(self.is_deep, || caught(checked)).flatten().map_err(panicked)??;
        let part = |part: &str| part.replace(PROTECTOR, SEPARATOR).trim().to_string();
        Ok(text.split(SEPARATOR).map(part).collect())
    }

    fn answer(&self, choices: Vec<String>, target: String) -> Result<Answer, TemplateError> {
        match choices.iter().position(|choice| *choice == target) {
            Some(answer) => Ok(Answer::Choices { choices, answer }),
            None => Err(TemplateError::Answer { template: self.name.clone(), target, choices }),
        }
    }

    /// The error of a template that failed, with the missing fields if they are the cause.
    fn failure(&self, which: &str, row: &Record, fuel: u64, error: &Error) -> TemplateError {
        let template = self.name.clone();
        if error.kind() == ErrorKind::OutOfFuel {
            return TemplateError::TooMuchWork { template, limit: fuel };
        }
        let known = row.names();
        let fields = match error.kind() {
            ErrorKind::UndefinedError => self.unknown(which, &known),
            _ => vec![],
        };
        match fields.is_empty() {
            true => TemplateError::Render { template, reason: reason(error) },
            false => TemplateError::MissingField { template, fields, known },
        }
    }

    /// The variables of a template that are neither fields nor built in.
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

/// The message of an error and of its causes, on one line.
pub(crate) fn reason(error: &Error) -> String {
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
