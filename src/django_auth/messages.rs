//! [`DjangoMessages`]: the notes that one page leaves for the next, where Django keeps them in the session.

use std::{collections::HashMap, fmt, hash::Hash, sync::Arc};

use serde_json::Value;

use crate::{
    error::{BoxError, Error},
    json_scanner,
    limits::Limits,
    raw::Raw,
    session::Session,
};

const MESSAGES: &str = "_messages";
/// What a list that is a message begins with.
const MARK: &str = "__json_message";

/// The messages of `django.contrib.messages` in a session: what one side leaves, the next page shows, on whichever
/// side that is; feature `django_auth`.
///
/// Django has to keep them in the session:
/// `MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"`. Its default is a cookie of their own,
/// which is not read here.
///
/// ```
/// use jam_session::{DjangoMessages, Error, Session};
///
/// fn change_profile(session: &Session) -> Result<(), Error> {
///     // …
///     DjangoMessages::of(session).success("Profile details updated.")
/// }
///
/// fn page(session: &Session) -> Result<String, Error> {
///     let messages = DjangoMessages::of(session).take()?;
///     Ok(messages.iter().map(|message| format!("{}: {}\n", message.level_tag(), message.text)).collect())
/// }
/// ```
///
/// A message that another request leaves meanwhile is kept for the next page. A value of another form is
/// [`Error::WrongType`] for `_messages`; it is still there then, and [`Session::remove`] gets rid of it.
#[derive(Debug, Clone)]
#[doc(alias = "django.contrib.messages")]
#[doc(alias = "SessionStorage")]
#[doc(alias = "MESSAGE_STORAGE")]
pub struct DjangoMessages(Session);

/// One message of [`DjangoMessages`]. `Debug` says how long its text is, and not what it says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DjangoMessage {
    /// How important it is: 10, 20, 25, 30 or 40 for debug, info, success, warning and error, or the application's.
    pub level: i64,
    /// What it says.
    pub text: String,
    /// Words for the page, such as classes of CSS, beside that of the level.
    pub extra_tags: String,
    /// Whether it is HTML as it stands. Any other text a page has to escape.
    #[doc(alias = "SafeData")]
    pub safe: bool,
}

impl DjangoMessages {
    /// The messages of this session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self(session.clone())
    }

    /// Leaves a message, unless its text is empty.
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`], and [`Error::Committed`] after the response.
    #[doc(alias = "add_message")]
    pub fn add(&self, message: &DjangoMessage) -> Result<(), Error> {
        self.add_all([message])
    }

    /// Leaves many messages in one step, those with an empty text excepted. Each call looks at all messages that are
    /// there, so for thousands of them this is much less work than calling [`add`](Self::add) for each.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); none of them is left then.
    pub fn add_all<'a>(&self, messages: impl IntoIterator<Item = &'a DjangoMessage>) -> Result<(), Error> {
        let messages = messages.into_iter().filter(|message| !message.text.is_empty());
        let new = messages.map(DjangoMessage::to_json).collect::<Result<Vec<_>, _>>()?.join(", ");
        if new.is_empty() {
            return Ok(());
        }
        self.change(move |list| {
            // What others wrote stays as they wrote it.
            let list = list.map_or(Ok(""), inside)?;
            let separator = if list.trim_ascii().is_empty() { "" } else { ", " };
            Ok(Some(format!("[{list}{separator}{new}]")))
        })
    }

    /// Leaves a message of level 10. Django itself drops those below its `MESSAGE_LEVEL`, which is 20.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn debug(&self, text: impl Into<String>) -> Result<(), Error> {
        self.add(&DjangoMessage::new(10, text))
    }

    /// Leaves a message of level 20.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn info(&self, text: impl Into<String>) -> Result<(), Error> {
        self.add(&DjangoMessage::new(20, text))
    }

    /// Leaves a message of level 25.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn success(&self, text: impl Into<String>) -> Result<(), Error> {
        self.add(&DjangoMessage::new(25, text))
    }

    /// Leaves a message of level 30.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn warning(&self, text: impl Into<String>) -> Result<(), Error> {
        self.add(&DjangoMessage::new(30, text))
    }

    /// Leaves a message of level 40.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn error(&self, text: impl Into<String>) -> Result<(), Error> {
        self.add(&DjangoMessage::new(40, text))
    }

    /// The messages, oldest first; they are removed, because a page shows them once.
    ///
    /// # Errors
    ///
    /// [`Error::WrongType`], and [`Error::Committed`] after the response.
    #[doc(alias = "get_messages")]
    pub fn take(&self) -> Result<Vec<DjangoMessage>, Error> {
        let Some(raw) = self.0.get_raw(MESSAGES) else { return Ok(Vec::new()) };
        let seen = text(&raw).and_then(|text| items(&text)).map_err(wrong)?;
        let messages = seen.iter().filter_map(DjangoMessage::from_json).collect();
        self.change(move |list| {
            let left = without(items(list.unwrap_or("[]"))?, &seen);
            Ok((!left.is_empty()).then(|| Value::Array(left).to_string()))
        })?;
        Ok(messages)
    }

    /// Changes the text of the list, from `None` if there is none, to `None` if there is to be none.
    fn change<F>(&self, f: F) -> Result<(), Error>
    where
        F: Fn(Option<&str>) -> Result<Option<String>, BoxError> + Send + Sync + 'static,
    {
        let change = move |raw: Option<&Raw>| -> Result<Option<Raw>, BoxError> {
            let list = raw.map(text).transpose()?;
            f(list.as_deref())?.map(|list| Raw::new(&list)).transpose()
        };
        self.0.change(MESSAGES, &(Arc::new(move |raw: Option<&Raw>| change(raw).map_err(wrong)) as _))
    }
}

impl DjangoMessage {
    /// A message without extra tags, whose text is no HTML.
    #[must_use]
    pub fn new(level: i64, text: impl Into<String>) -> Self {
        Self { level, text: text.into(), extra_tags: String::new(), safe: false }
    }

    /// Django's word for the level, empty where it has none.
    #[must_use]
    pub fn level_tag(&self) -> &'static str {
        match self.level {
            10 => "debug",
            20 => "info",
            25 => "success",
            30 => "warning",
            40 => "error",
            _ => "",
        }
    }

    fn to_json(&self) -> Result<String, Error> {
        let string = |text: &str| Raw::new(text).map(|raw| raw.as_str().to_owned()).map_err(wrong);
        let (safe, level) = (u8::from(self.safe), self.level);
        Ok(format!(r#"["{MARK}", {safe}, {level}, {}, {}]"#, string(&self.text)?, string(&self.extra_tags)?))
    }

    fn from_json(item: &Value) -> Option<Self> {
        let item = item.as_array().filter(|item| item.first().is_some_and(|mark| mark == MARK))?;
        let safe = item.get(1).is_some_and(|safe| safe != 0 && safe != false);
        let (level, text) = (item.get(2)?.as_i64()?, item.get(3)?.as_str()?.to_owned());
        let extra_tags = item.get(4).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Self { level, text, extra_tags, safe })
    }
}

impl fmt::Debug for DjangoMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DjangoMessage(level {}, {} bytes)", self.level, self.text.len())
    }
}

/// The list is JSON in a string.
fn text(raw: &Raw) -> Result<String, BoxError> {
    raw.get()
}

/// The text between the brackets of a list. It is checked without a copy of what is in it.
fn inside(list: &str) -> Result<&str, BoxError> {
    json_scanner::check_value(list, Limits::default().depth).map_err(|_| "no list of messages")?;
    let inside = list.trim_ascii().strip_prefix('[').and_then(|list| list.strip_suffix(']'));
    inside.ok_or_else(|| "no list of messages".into())
}

/// `left` without `taken`, where each item of `taken` takes one that is equal to it away: the first. The work grows
/// with the number of items, not with its square.
fn without<T: Eq + Hash>(left: Vec<T>, taken: &[T]) -> Vec<T> {
    let mut counts: HashMap<&T, usize> = HashMap::with_capacity(taken.len());
    for item in taken {
        *counts.entry(item).or_default() += 1;
    }
    let mut is_left = |item: &T| match counts.get_mut(item) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    left.into_iter().filter(|item| is_left(item)).collect()
}

fn items(list: &str) -> Result<Vec<Value>, BoxError> {
    serde_json::from_str(list).map_err(|error| format!("no list of messages at column {}", error.column()).into())
}

fn wrong(source: BoxError) -> Error {
    Error::WrongType { key: MESSAGES.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, hash::Hasher};

    use super::*;

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// Counts how often it is compared.
    #[derive(Debug, Clone)]
    struct Item(usize);

    impl PartialEq for Item {
        fn eq(&self, other: &Self) -> bool {
            COMPARED.set(COMPARED.get() + 1);
            self.0 == other.0
        }
    }

    impl Eq for Item {}

    impl Hash for Item {
        fn hash<H: Hasher>(&self, hasher: &mut H) {
            self.0.hash(hasher);
        }
    }

    #[test]
    fn taking_10_000_messages_compares_each_of_them_a_few_times_in_whatever_order_they_stand() {
        let items = |numbers: &mut dyn Iterator<Item = usize>| numbers.map(Item).collect::<Vec<_>>();
        let taken = items(&mut (0..10_000));
        for (left, rest) in [
            (items(&mut (0..10_000)), 0),
            (items(&mut (0..10_000).rev()), 0),
            (items(&mut (10_000..20_000)), 10_000),
            (items(&mut (0..20_000).rev()), 10_000),
            (items(&mut (0..20_000).map(|n| n % 7)), 19_993),
        ] {
            COMPARED.set(0);
            assert_eq!(without(left, &taken).len(), rest);
            // A hash table compares what has the same hash, or the same few bits of it.
            assert!(COMPARED.get() < 100_000, "{} comparisons", COMPARED.get());
        }
    }

    #[test]
    fn of_equal_items_as_many_are_taken_away_as_were_taken_the_first_ones_first() {
        assert_eq!(without(vec![1, 2, 1, 3, 1, 2], &[1, 2, 1]), [3, 1, 2]);
        assert_eq!(without(vec![1], &[1, 1, 4]), Vec::<i32>::new());
    }
}
