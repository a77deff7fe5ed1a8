use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::DataError;
use crate::template::Template;

/// The templates of a data set, as promptsource's `templates.yaml` has them.
#[derive(Clone, Debug)]
pub struct TemplateSet {
    /// The data set, such as `super_glue`.
    pub dataset: Option<String>,
    /// Its part, such as `rte`.
    pub subset: Option<String>,
    /// In the order of their ids; true where a template does the task that the data set was made for.
    templates: Vec<(Template, bool)>,
}

/// Which templates of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateChoice {
    /// Those with `original_task: true`, which T-Few trains with and is evaluated by.
    OriginalTask,
    /// All.
    All,
    /// Those of these names, in this order.
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
    /// Reads a `templates.yaml`. The tags `!Template` and `!TemplateMetadata` may be there or not; fields other than
    /// `name`, `jinja`, `answer_choices` and `metadata.original_task` do not matter.
    ///
    /// # Errors
    ///
    /// [`DataError::Read`], [`DataError::Yaml`], [`DataError::TemplateSyntax`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| DataError::Read { path: path.into(), source })?;
        let file: File = serde_saphyr::from_str(&text)
            .map_err(|error| DataError::Yaml { path: path.into(), reason: error.to_string() })?;
        let templates = file.templates.into_values().map(|entry| {
            let original = entry.metadata.and_then(|m| m.original_task).unwrap_or(false);
            Ok((Template::new(entry.name, entry.jinja, entry.answer_choices.as_deref())?, original))
        });
        let templates = templates.collect::<Result<Vec<_>, DataError>>()?;
        if templates.is_empty() {
            return Err(DataError::Yaml { path: path.into(), reason: "`templates` is empty".into() });
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
    /// [`DataError::NoTemplate`], [`DataError::TemplateTwice`], [`DataError::NoOriginalTask`].
    pub fn choose(&self, choice: &TemplateChoice) -> Result<Vec<Template>, DataError> {
        let those = |all: bool| {
            let chosen = self.templates.iter().filter(|(_, original)| all || *original);
            chosen.map(|(template, _)| template.clone()).collect::<Vec<_>>()
        };
        match choice {
            TemplateChoice::All => Ok(those(true)),
            TemplateChoice::Named(names) => names.iter().map(|name| self.named(name)).collect(),
            TemplateChoice::OriginalTask => match those(false) {
                none if none.is_empty() => Err(DataError::NoOriginalTask { known: self.names() }),
                chosen => Ok(chosen),
            },
        }
    }

    fn named(&self, name: &str) -> Result<Template, DataError> {
        let found: Vec<&Template> =
            self.templates.iter().map(|(t, _)| t).filter(|t| t.name() == name).collect();
        match found.as_slice() {
            [template] => Ok(Template::clone(template)),
            [] => Err(DataError::NoTemplate { name: name.into(), known: self.names() }),
            several => Err(DataError::TemplateTwice { name: name.into(), count: several.len() }),
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
        assert!(twice.starts_with("2 templates are called `so`"), "{twice}");
        let none = open(&YAML.replace("original_task: true", "original_task: false")).unwrap();
        let none = none.choose(&TemplateChoice::OriginalTask).unwrap_err().to_string();
        assert!(none.starts_with("no template is marked `original_task`"), "{none}");
    }

    #[test]
    fn what_is_no_set_of_templates_says_so() {
        let missing = open(&YAML.replace("    name: so\n", "")).unwrap_err();
        assert!(
            missing.contains("is no templates.yaml of promptsource: ") && missing.contains("name"),
            "{missing}"
        );
        assert!(open("templates: {}").unwrap_err().contains("`templates` is empty"));
        assert!(open("templates: [").is_err());
        let syntax = open(&YAML.replace("{{premise}} So", "{% if %} So")).unwrap_err();
        assert!(syntax.starts_with("template `so` is not valid: "), "{syntax}");
    }
}
