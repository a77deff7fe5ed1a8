//! What the model says in a rendered conversation.

use std::ops::Range;

use minijinja::Value;

use super::conversation::{ASSISTANT, Conversation};
use super::marks;
use super::template::ChatTemplate;
use crate::error::{ChatError, DataError};

impl ChatTemplate {
    /// The text of a whole conversation, and the ranges of its bytes that the model says: what the template marks by
    /// `{% generation %}`, else what each turn of the assistant adds to the rendering before it.
    pub(super) fn turns(
        &self,
        conversation: &Conversation,
    ) -> Result<(String, Vec<Range<usize>>), DataError> {
        let content = |message: &Value| message.get_attr("content").unwrap_or_default();
        let texts = conversation.messages.iter().map(content);
        texts
            .map(|text| text.as_str().map_or_else(|| text.to_string(), str::to_string))
            .try_for_each(|t| marks::check(&t))?;
        if self.is_marked {
            return Ok(marks::split(&self.marked(conversation, false)?));
        }
        let (text, mut ranges) = (self.render(conversation, false)?, vec![]);
        for (place, _) in conversation.roles().iter().enumerate().filter(|(_, role)| *role == ASSISTANT) {
            let before = self.render(&conversation.first(place), true)?;
            let after = self.render(&conversation.first(place + 1), false)?;
            if !after.starts_with(&before) || !text.starts_with(&after) {
                return Err(ChatError::TurnsDiffer { message: place + 1 }.into());
            }
            ranges.push(before.len()..after.len());
        }
        Ok((text, ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of ChatML, which many models have.
    const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    fn chat() -> Conversation {
        Conversation::new()
            .with_message("system", "s")
            .with_message("user", "q")
            .with_message("assistant", "a")
            .with_message("user", "r")
            .with_message("assistant", "bé")
    }

    fn said(source: &str) -> Result<Vec<String>, String> {
        let (text, ranges) =
            ChatTemplate::new(source, []).unwrap().turns(&chat()).map_err(|error| error.to_string())?;
        Ok(ranges.into_iter().map(|range| text[range].to_string()).collect())
    }

    #[test]
    fn a_turn_is_what_it_adds_to_the_rendering_before_it() {
        assert_eq!(said(CHATML).unwrap(), ["a<|im_end|>\n", "bé<|im_end|>\n"]);
    }

    #[test]
    fn marks_come_before_the_difference() {
        let marked = "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}.{% endgeneration %}{% else %}{{ m.content }}{% endif %}|{% endfor %}";
        assert_eq!(said(marked).unwrap(), ["a.", "bé."]);
        let template = ChatTemplate::new(marked, []).unwrap();
        let rendered = template.render(&chat(), false).unwrap();
        assert_eq!(rendered, "system: s|user: q|assistant: a.|user: r|assistant: bé.|");
    }

    #[test]
    fn a_template_that_changes_earlier_turns_is_refused() {
        let last =
            "{% for m in messages %}{{ m.role }}{% if loop.last %}!{% endif %}{{ m.content }}{% endfor %}";
        let expected = "message 3: the chat template renders it in another way than the generation of it, or than the \
                        whole conversation; give a chat_template.jinja with `{% generation %}` around what the model says";
        assert_eq!(said(last).unwrap_err(), expected);
    }

    #[test]
    fn what_templates_use_works() {
        let render = |source: &str, messages: &Conversation| {
            let special = [("bos_token".to_string(), "<s>".to_string())];
            ChatTemplate::new(source, special).unwrap().render(messages, false).map_err(|e| e.to_string())
        };
        let one = Conversation::new().with_message("user", " a\"é ");
        assert_eq!(render("{{ bos_token }}{{ messages[0].content.strip() }}", &one).unwrap(), "<s>a\"é");
        assert_eq!(
            render("{{ messages | tojson }}", &one).unwrap(),
            r#"[{"role": "user", "content": " a\"é "}]"#
        );
        assert_eq!(render("{{ missing }}|{{ tools is none }}", &one).unwrap(), "|True");
        let broken = render("{{ raise_exception('no system') }}", &one).unwrap_err();
        assert!(broken.contains("the template refuses the messages: no system"), "{broken}");
        assert_eq!(
            render(
                "{% for i in range(9) %}\n  {% if i > 2 %}{% break %}{% endif %}\n{{ i }}{% endfor %}",
                &one
            )
            .unwrap(),
            "012"
        );
    }
}
