use std::collections::BTreeMap;
use std::path::Path;

use ia3_guard::{Limit, caught, read_source_text};
use serde::Deserialize;

use crate::error::{DataError, TemplateError};
use crate::template::Template;

/// The prompt templates of a data set, read from a `templates.yaml` of promptsource.
#[derive(Clone, Debug)]
pub struct TemplateSet {
    /// Name of the data set, such as `super_glue`.
    pub dataset: Option<String>,
    /// Name of the subset, such as `rte`.
    pub subset: Option<String>,
    /// The templates in the order of their ids, and whether each is for the task that the data set was made for.
    templates: Vec<(Template, bool)>,
}

/// Which templates of a set to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateChoice {
    /// The templates with `original_task: true`, with which T-Few is trained and evaluated.
    OriginalTask,
    /// All templates.
    All,
    /// The templates with these names, in this order.
    Named(Vec<String>),
}

#[derive(Deserialize)]
struct File {
    dataset: Option<String>,
    subset: Option<String>,
    templates: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    jinja: String,
    answer_choices: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    original_task: Option<bool>,
}

impl TemplateSet {
    /// Reads a `templates.yaml`. The tags `!Template` and `!TemplateMetadata` are optional. All fields except `name`, `jinja`,
    /// `answer_choices` and `metadata.original_task` are ignored.
    ///
    /// # Errors
    ///
    /// [`DataError::Read`] if the file cannot be read, [`TemplateError::Yaml`] if it has another format, and
    /// [`TemplateError::Syntax`] for a template that is not valid Jinja.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let text = read_source_text(path, Limit::TEXT);
        let text = text.map_err(|error| DataError::Read { path: path.into(), source: error.reason() })?;
        let read = caught(|| serde_saphyr::from_str(&text).map_err(|error| error.to_string()));
        let invalid = |reason| TemplateError::Yaml { path: path.into(), reason };
        let file: File = read.unwrap_or_else(Err).map_err(invalid)?;
        let templates = file.templates.into_values().map(|entry| {
            let original = entry.metadata.and_then(|m| m.original_task).unwrap_or(false);
            Ok((Template::new(entry.name, entry.jinja, entry.answer_choices.as_deref())?, original))
        });
        let templates = templates.collect::<Result<Vec<_>, DataError>>()?;
        if templates.is_empty() {
            let reason = "`templates` is empty".into();
            return Err(TemplateError::Yaml { path: path.into(), reason }.into());
        }
        Ok(Self { dataset: file.dataset, subset: file.subset, templates })
    }

    /// The names of all templates, in the order of their ids.
    pub fn names(&self) -> Vec<String> {
        self.templates.iter().map(|(template, _)| template.name().to_string()).collect()
    }

    /// The chosen templates.
    ///
    /// # Errors
    ///
    /// [`TemplateError::UnknownName`], [`TemplateError::AmbiguousName`], and [`TemplateError::NoOriginalTask`].
    pub fn choose(&self, choice: &TemplateChoice) -> Result<Vec<Template>, DataError> {
        let those = |all: bool| {
            let chosen = self.templates.iter().filter(|(_, original)| all || *original);
            chosen.map(|(template, _)| template.clone()).collect::<Vec<_>>()
        };
        match choice {
            TemplateChoice::All => Ok(those(true)),
            TemplateChoice::Named(names) => names.iter().map(|name| self.named(name)).collect(),
            TemplateChoice::OriginalTask => match those(false) {
                none if none.is_empty() => Err(TemplateError::NoOriginalTask { known: self.names() }.into()),
                chosen => Ok(chosen),
            },
        }
    }

    fn named(&self, name: &str) -> Result<Template, DataError> {
        let found: Vec<&Template> =
            self.templates.iter().map(|(t, _)| t).filter(|t| t.name() == name).collect();
        match found.as_slice() {
            [template] => Ok(Template::clone(template)),
            [] => Err(TemplateError::UnknownName { name: name.into(), known: self.names() }.into()),
            several => Err(TemplateError::AmbiguousName { name: name.into(), count: several.len() }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "dataset: made_up\nsubset: weather\ntemplates:
  1b: !Template
    answer_choices: Yes ||| No
    id: 1b
    jinja: '{{premise}} So \"{{hypothesis}}\"? |||
      {{ answer_choices[label] }}'
    metadata: !TemplateMetadata
      choices_in_prompt: null
      metrics:
      - Accuracy
      original_task: true
    name: so
    reference: ''
  0a: !Template
    answer_choices: null
    jinja: \"Write a sentence.\\n\\n||| {{premise}}\"
    metadata: !TemplateMetadata {original_task: false}
    name: write
";

    fn open(yaml: &str) -> Result<TemplateSet, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("templates.yaml");
        std::fs::write(&path, yaml).unwrap();
        TemplateSet::open(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn templates_are_chosen_by_task_by_name_or_all() {
        let set = open(YAML).unwrap();
        assert_eq!((set.dataset.as_deref(), set.subset.as_deref()), (Some("made_up"), Some("weather")));
        let chosen = |choice| -> Vec<String> {
            set.choose(&choice).unwrap().iter().map(|t| t.name().to_string()).collect()
        };
        assert_eq!(chosen(TemplateChoice::All), ["write", "so"]);
        assert_eq!(chosen(TemplateChoice::OriginalTask), ["so"]);
        assert_eq!(chosen(TemplateChoice::Named(vec!["so".into(), "write".into()])), ["so", "write"]);
        let unknown = set.choose(&TemplateChoice::Named(vec!["sow".into()])).unwrap_err().to_string();
        assert_eq!(unknown, "there is no template `sow`; there are `write`, `so`");
        let twice = open(&YAML.replace("name: write", "name: so")).unwrap();
        let twice = twice.choose(&TemplateChoice::Named(vec!["so".into()])).unwrap_err().to_string();
        assert!(twice.starts_with("2 templates have the name `so`"), "{twice}");
        let none = open(&YAML.replace("original_task: true", "original_task: false")).unwrap();
        let none = none.choose(&TemplateChoice::OriginalTask).unwrap_err().to_string();
        assert!(none.starts_with("no template is marked `original_task`"), "{none}");
    }

    #[test]
    fn a_file_that_is_not_a_set_of_templates_is_refused() {
        let missing = open(&YAML.replace("    name: so\n", "")).unwrap_err();
        assert!(
            missing.contains("is not a templates.yaml of promptsource: ") && missing.contains("name"),
            "{missing}"
        );
        assert!(open("templates: {}").unwrap_err().contains("`templates` is empty"));
        assert!(open("templates: [").is_err());
        let syntax = open(&YAML.replace("{{premise}} So", "{% if %} So")).unwrap_err();
        assert!(syntax.starts_with("template `so` is not valid: "), "{syntax}");
    }
}
