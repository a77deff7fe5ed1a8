use std::path::Path;

use ia3_gguf::{GgufFile, is_gguf};
use ia3_guard::{Limit, caught};
use minijinja::syntax::SyntaxConfig;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, context,
};
use serde_json::Value as Json;

use super::conversation::Conversation;
use super::{date, json, marks};
use crate::error::{DataError, TemplateError};
use crate::gguf;
use crate::json_file;
use crate::template::{deep_stack, python, reason};

/// The file that transformers writes a chat template to.
const FILE: &str = "chat_template.jinja";
/// The file that older models have it in.
const CONFIG: &str = "tokenizer_config.json";
/// The name of the template in the environment, and in errors.
const NAME: &str = FILE;
/// How many steps a template may take for a conversation.
const FUEL: u64 = 5_000_000;
/// The largest source of a template.
const MAX_SOURCE: usize = 256 << 10;
/// The special tokens that `tokenizer_config.json` names, which templates use as variables.
const SPECIAL: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The chat template of a base, which renders the messages of a conversation as the text that the model was trained on.
///
/// It is Jinja as transformers sets it up: `trim_blocks` and `lstrip_blocks` are on, and templates may use `tojson`,
/// `raise_exception`, `strftime_now` (in UTC), `{% generation %}`, `{% break %}` and Python's methods.
///
/// ```
/// use ia3_data::{ChatTemplate, Conversation};
///
/// let source = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
/// let template = ChatTemplate::new(source, [])?;
/// let chat = Conversation::new().with_message("user", "Hi");
/// assert_eq!(template.render(&chat, true)?, "<user>Hi\n<assistant>");
/// # Ok::<(), ia3_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    special: Vec<(String, String)>,
    /// Whether it marks what the model says.
    pub(super) is_marked: bool,
    is_deep: bool,
}

impl ChatTemplate {
    /// Compiles a template. `special` are the special tokens that it may use as variables, such as `bos_token`.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a source that is too long or no Jinja.
    pub fn new(source: &str, special: impl IntoIterator<Item = (String, String)>) -> Result<Self, DataError> {
        let template = NAME.to_string();
        if source.len() > MAX_SOURCE {
            return Err(TemplateError::TooLong { template, bytes: source.len(), limit: MAX_SOURCE }.into());
        }
        let (source, is_marked) = marks::replaced(source);
        let is_deep = deep_stack::is_needed(&source);
        let mut environment = environment();
        let add = || environment.add_template_owned(NAME, source).map_err(|error| reason(&error));
        let added = deep_stack::run(is_deep, || caught(add).unwrap_or_else(Err)).unwrap_or_else(Err);
        added.map_err(|reason| TemplateError::Syntax { template, reason })?;
        environment.set_fuel(Some(FUEL));
        Ok(Self { environment, special: special.into_iter().collect(), is_marked, is_deep })
    }

    /// Reads the template in the folder of a base: `chat_template.jinja`, or `chat_template` in `tokenizer_config.json`;
    /// or the one in the metadata of a GGUF file.
    /// `None` if the base has none.
    ///
    /// # Errors
    ///
    /// [`DataError::Read`] if a file cannot be read, [`DataError::Tokenizer`] if `tokenizer_config.json` is no JSON,
    /// and what [`new`](Self::new) finds.
    pub fn open(dir: &Path) -> Result<Option<Self>, DataError> {
        if is_gguf(dir) {
            return Self::of_gguf(dir);
        }
        let config: Json = json_file::value(&dir.join(CONFIG), Limit::CONFIG)?.unwrap_or_default();
        let source = match json_file::text(&dir.join(FILE), Limit::CONFIG)? {
            Some(source) => Some(source),
            None => of_config(&config["chat_template"]),
        };
        let token = |name: &&str| {
            let value = &config[*name];
            let text = value.as_str().or_else(|| value["content"].as_str())?;
            Some((name.to_string(), text.to_string()))
        };
        source.map(|source| Self::new(&source, SPECIAL.iter().filter_map(token))).transpose()
    }

    fn of_gguf(path: &Path) -> Result<Option<Self>, DataError> {
        let file = GgufFile::open(path).map_err(Box::new)?;
        let Some(source) = gguf::chat_template(&file).map_err(Box::new)? else { return Ok(None) };
        Self::new(source, gguf::special_tokens(&file).map_err(Box::new)?).map(Some)
    }

    /// The text of a conversation. With `add_generation_prompt` it ends where the model begins to answer.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Render`] if the template fails, and [`TemplateError::TooMuchWork`].
    pub fn render(
        &self,
        conversation: &Conversation,
        add_generation_prompt: bool,
    ) -> Result<String, DataError> {
        Ok(marks::split(&self.marked(conversation, add_generation_prompt)?).0)
    }

    /// As [`render`](Self::render), with the marks of what the model says.
    pub(super) fn marked(
        &self,
        conversation: &Conversation,
        add_generation_prompt: bool,
    ) -> Result<String, DataError> {
        let Conversation { messages, tools } = conversation;
        let own = context! {
            messages => messages,
            tools => tools,
            documents => (),
            add_generation_prompt => add_generation_prompt,
        };
        let special =
            Value::from_pairs(self.special.iter().map(|(name, token)| (name.clone(), token.clone())));
        let context = context! { ..own, ..special };
        let render = || {
            let rendered = self.environment.get_template(NAME).and_then(|template| template.render(context));
            rendered.map_err(|error| failure(&error))
        };
        let failed = |reason| TemplateError::Render { template: NAME.into(), reason };
        Ok(deep_stack::run(self.is_deep, || caught(render)).flatten().map_err(failed)??)
    }
}

fn failure(error: &Error) -> TemplateError {
    let template = NAME.to_string();
    match error.kind() {
        ErrorKind::OutOfFuel => TemplateError::TooMuchWork { template, limit: FUEL },
        _ => TemplateError::Render { template, reason: reason(error) },
    }
}

/// The template in `tokenizer_config.json`: a text, or a list of named ones, of which `default` counts.
fn of_config(value: &Json) -> Option<String> {
    let named = || {
        let default = value.as_array()?.iter().find(|entry| entry["name"] == "default")?;
        default["template"].as_str()
    };
    value.as_str().or_else(named).map(str::to_string)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_recursion_limit(100);
    // Both settings leave the delimiters as they are, so they are always valid.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(python::method);
    environment.set_formatter(format);
    environment.add_filter("tojson", json::to_json);
    environment.add_filter("string", |value: Value| written(&value));
    environment.add_filter("join", python::join);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, format!("the template refuses the messages: {message}")))
    });
    environment.add_function("strftime_now", |format: String| date::strftime_now(&format));
    environment
}

/// Python's `str`; what is undefined is empty.
fn written(value: &Value) -> Result<String, Error> {
    if value.is_undefined() { Ok(String::new()) } else { python::text(value) }
}

fn format(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    out.write_str(&written(value)?).map_err(|e| Error::new(ErrorKind::WriteFailure, e.to_string()))
}
