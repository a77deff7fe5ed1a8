//! Conversations: the rows that hold them, the template that renders them, and the turns that are learned.

mod conversation;
mod date;
mod encode;
mod json;
mod marks;
mod shape;
mod template;
mod turns;

pub use conversation::Conversation;
pub use shape::Shape;
pub use template::ChatTemplate;
