//! [`UserSession`]: a model that knows whose session it is.

use std::marker::PhantomData;

use time::OffsetDateTime;

use super::Driver;
use crate::{
    base_session::{AbstractBaseSession, BaseSession, Column},
    client::{IP_KEY, USER_AGENT_KEY},
    error::BoxError,
    random,
    session_data::SessionData,
    session_key::SessionKey,
    times::{self, CREATED_KEY},
};

/// The name under which a session keeps the id of its user.
pub trait UserIdKey: Send + Sync + 'static {
    /// The name; its value is a text or a number.
    const KEY: &'static str;
}

/// `_auth_user_id`, where Django's `login` puts it.
#[derive(Debug, Clone, Copy)]
pub struct AuthUserId;

impl UserIdKey for AuthUserId {
    const KEY: &'static str = "_auth_user_id";
}

/// A session row with its user, so that a person's sessions can be listed and ended:
/// [`DbStore::user`](crate::DbStore::user).
///
/// The table is `user_session`; [`DbStore::migrate`](crate::DbStore::migrate) makes it. The user id is read from
/// the session under `K`'s name whenever the session is saved. Address and user agent are there when the layer
/// records them ([`SessionLayer::record_user_agent`](crate::SessionLayer::record_user_agent),
/// [`SessionLayer::record_ip`](crate::SessionLayer::record_ip)).
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jam_session::{SessionLayer, SqliteStore, UserSession};
/// use time::OffsetDateTime;
///
/// let pool = SqliteStore::connect("sqlite::memory:").await?.pool().clone();
/// let store: SqliteStore<UserSession> = SqliteStore::new(pool);
/// store.migrate().await?;
///
/// let session = SessionLayer::new(store.clone()).create().await?;
/// session.insert("_auth_user_id", "42")?;
/// session.save().await?;
///
/// assert_eq!(store.user("42").count(OffsetDateTime::now_utc()).await?, 1);
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct UserSession<K: UserIdKey = AuthUserId> {
    pub(super) base: BaseSession,
    pub(super) user_id: Option<String>,
    /// None until the row is inserted.
    pub(super) handle: Option<String>,
    pub(super) created: OffsetDateTime,
    pub(super) last_seen: OffsetDateTime,
    pub(super) ip: Option<String>,
    pub(super) user_agent: Option<String>,
    key: PhantomData<fn() -> K>,
}

/// As wide as the columns.
const WIDEST: usize = 255;

impl<DB: Driver, K: UserIdKey> AbstractBaseSession<DB> for UserSession<K> {
    const DB_TABLE: &'static str = "user_session";
    const EXTRA_COLUMNS: &'static [Column] = &[
        Column::new("user_id"),
        Column::insert_only("handle"),
        Column::insert_only("created").date(),
        Column::touch("last_seen").date(),
        Column::new("ip"),
        Column::new("user_agent"),
    ];
    const MIGRATION: Option<&'static str> = Some(DB::USER_SESSION_MIGRATION);
    const USER_ID_COLUMN: Option<&'static str> = Some("user_id");

    fn user_id(data: &SessionData) -> Option<String> {
        text(data, K::KEY)
    }

    fn create_model_instance(base: BaseSession, data: &SessionData, now: OffsetDateTime) -> Self {
        Self {
            base,
            user_id: text(data, K::KEY),
            handle: None,
            // A session whose key is renewed is inserted once more.
            created: times::read(data, CREATED_KEY).unwrap_or(now),
            last_seen: now,
            ip: text(data, IP_KEY),
            user_agent: text(data, USER_AGENT_KEY),
            key: PhantomData,
        }
    }

    fn from_row(base: BaseSession, row: &DB::Row) -> Result<Self, BoxError> {
        let date = |column| DB::read_date(row, column)?.ok_or_else(|| BoxError::from("not a date"));
        Ok(Self {
            base,
            user_id: DB::read_text(row, 3)?,
            handle: DB::read_text(row, 4)?,
            created: date(5)?,
            last_seen: date(6)?,
            ip: DB::read_text(row, 7)?,
            user_agent: DB::read_text(row, 8)?,
            key: PhantomData,
        })
    }

    fn base(&self) -> &BaseSession {
        &self.base
    }

    fn bind_extra(&self, column: &str, args: &mut DB::Arguments) -> Result<(), BoxError> {
        match column {
            "user_id" => DB::push_optional_text(args, self.user_id.as_deref()),
            // Shown to its user, so it must not be the key, nor lead to it.
            "handle" => DB::push_optional_text(args, Some(SessionKey::draw(random::fill)?.as_str())),
            "created" => DB::push_date(args, self.created),
            "last_seen" => DB::push_date(args, self.last_seen),
            "ip" => DB::push_optional_text(args, self.ip.as_deref()),
            _ => DB::push_optional_text(args, self.user_agent.as_deref()),
        }
    }
}

/// A text, or a number as the text of it; cut off where the column ends.
fn text(data: &SessionData, key: &str) -> Option<String> {
    let raw = data.raw(key)?;
    let text = raw.get::<String>().unwrap_or_else(|_| raw.as_str().to_owned());
    (text != "null").then(|| text.chars().take(WIDEST).collect())
}
