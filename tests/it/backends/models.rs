//! A session model with columns of its own.

use jam_session::{
    AbstractBaseSession, BaseSession, BoxError, Column, DbStore, Draft, Saved, SessionData, SessionKey, SessionStore,
    SqliteStore, StoreError,
    sqlx::{self, Arguments as _, Row as _, Sqlite, sqlite::SqliteArguments},
};
use time::{Duration, OffsetDateTime};

use super::migrated;
use crate::support::{TestResult, databases};

/// Whose session it is, where it began, and when it was last used.
pub(crate) struct Visit {
    base: BaseSession,
    email: Option<String>,
    entry_page: Option<String>,
    last_seen: i64,
}

impl AbstractBaseSession<Sqlite> for Visit {
    const DB_TABLE: &'static str = "visits";
    const EXTRA_COLUMNS: &'static [Column] =
        &[Column::new("email"), Column::insert_only("entry_page"), Column::touch("last_seen")];
    const MIGRATION: Option<&'static str> = Some(
        "CREATE TABLE IF NOT EXISTS visits (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, \
         expire_date datetime NOT NULL, email text UNIQUE, entry_page text, last_seen integer NOT NULL);",
    );

    fn create_model_instance(base: BaseSession, data: &SessionData, now: OffsetDateTime) -> Self {
        let text = |name| data.get(name).ok().flatten();
        Self { email: text("email"), entry_page: text("page"), last_seen: now.unix_timestamp(), base }
    }

    fn base(&self) -> &BaseSession {
        &self.base
    }

    fn bind_extra(&self, column: &str, args: &mut SqliteArguments) -> Result<(), BoxError> {
        match column {
            "email" => args.add(self.email.clone()),
            "entry_page" => args.add(self.entry_page.clone()),
            "last_seen" => args.add(self.last_seen),
            _ => Err(format!("no column {column}").into()),
        }
    }
}

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const KEY: &str = "0123456789abcdefghijklmnopqrstuv";
const OTHER_KEY: &str = "vutsrqponmlkjihgfedcba9876543210";

fn draft(json: &str) -> TestResult<Draft> {
    Ok(Draft::new(json.parse()?, NOW + Duration::HOUR))
}

fn at(second: i64) -> OffsetDateTime {
    NOW + Duration::seconds(second)
}

type Columns = (Option<String>, Option<String>, i64);

async fn columns(store: &SqliteStore<Visit>, key: &SessionKey) -> TestResult<Option<Columns>> {
    let query = sqlx::query("SELECT email, entry_page, last_seen FROM visits WHERE session_key = ?");
    let row = query.bind(key.as_str().to_owned()).fetch_optional(store.pool()).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).transpose()
}

fn visit(email: &str, page: &str, last_seen: i64) -> Columns {
    (Some(email.to_owned()), Some(page.to_owned()), last_seen)
}

#[tokio::test]
async fn extra_columns_are_written_when_they_say_so() -> TestResult {
    let scratch = databases::sqlite().await.expect("SQLite is always there");
    let store: SqliteStore<Visit> = migrated(DbStore::new(scratch.pool.clone())).await;
    let (key, new_key) = (SessionKey::parse(KEY)?, SessionKey::parse(OTHER_KEY)?);

    let created = store.create(&key, &draft(r#"{"email":"a@example.com","page":"/in"}"#)?, at(1)).await?;
    assert_eq!(columns(&store, &key).await?, Some(visit("a@example.com", "/in", 1)));

    let changed = draft(r#"{"email":"b@example.com","page":"/later"}"#)?;
    let Saved::Done(saved) = store.save(&created, &changed, at(2)).await? else { panic!("nobody else saved") };
    assert_eq!(columns(&store, &key).await?, Some(visit("b@example.com", "/in", 2)), "after `save`");

    sqlx::query("UPDATE visits SET email = 'by hand'").execute(store.pool()).await?;
    let Saved::Done(touched) = store.touch(&saved, NOW + Duration::DAY, at(3)).await? else {
        panic!("nobody else saved")
    };
    assert_eq!(columns(&store, &key).await?, Some(visit("by hand", "/in", 3)), "after `touch`");

    let Saved::Done(_) = store.cycle(&touched, &new_key, &changed, at(4)).await? else { panic!("nobody else saved") };
    assert_eq!(columns(&store, &key).await?, None, "the old key after `cycle`");
    assert_eq!(columns(&store, &new_key).await?, Some(visit("b@example.com", "/in", 4)), "after `cycle`");
    Ok(())
}

#[tokio::test]
async fn another_unique_column_is_no_taken_key() -> TestResult {
    let scratch = databases::sqlite().await.expect("SQLite is always there");
    let store: SqliteStore<Visit> = migrated(DbStore::new(scratch.pool.clone())).await;
    let (key, other_key) = (SessionKey::parse(KEY)?, SessionKey::parse(OTHER_KEY)?);
    store.create(&key, &draft(r#"{"email":"a@example.com"}"#)?, NOW).await?;
    let same_email = draft(r#"{"email":"a@example.com","other":1}"#)?;

    let created = store.create(&other_key, &same_email, NOW).await;
    assert!(matches!(created, Err(StoreError::Refused(_))), "{created:?}");
    assert!(!store.exists(&other_key).await?);

    let other = store.create(&other_key, &draft(r#"{"email":"b@example.com"}"#)?, NOW).await?;
    let saved = store.save(&other, &same_email, NOW).await;
    assert!(matches!(saved, Err(StoreError::Refused(_))), "{saved:?}");
    let cycled = store.cycle(&other, &SessionKey::parse(&KEY.to_uppercase())?, &same_email, NOW).await;
    assert!(matches!(cycled, Err(StoreError::Refused(_))), "{cycled:?}");

    let loaded = store.load(&other_key, NOW).await?.expect("nothing was written over it");
    assert_eq!(loaded.session_data.to_json(), r#"{"email":"b@example.com"}"#);
    Ok(())
}

#[tokio::test]
async fn a_model_that_forgets_a_column_says_which() -> TestResult {
    struct Forgetful(BaseSession);

    impl AbstractBaseSession<Sqlite> for Forgetful {
        const DB_TABLE: &'static str = "forgetful";
        const EXTRA_COLUMNS: &'static [Column] = &[Column::new("user_agent")];

        fn create_model_instance(base: BaseSession, _data: &SessionData, _now: OffsetDateTime) -> Self {
            Self(base)
        }

        fn base(&self) -> &BaseSession {
            &self.0
        }
    }

    let scratch = databases::sqlite().await.expect("SQLite is always there");
    let store: SqliteStore<Forgetful> = DbStore::new(scratch.pool.clone());

    let created = store.create(&SessionKey::parse(KEY)?, &draft("{}")?, NOW).await;

    let Err(StoreError::Refused(error)) = created else { panic!("a column without a value was written") };
    assert!(error.to_string().contains("`user_agent`"), "{error}");
    Ok(())
}
