//! [`PickledValue`]: a value of Python, for who wants to look at it or to make one.

use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// A value of Python: what a session of Django's `PickleSerializer` may hold and JSON may not.
///
/// [`Raw::pickled`](crate::Raw::pickled) gives one of a stored value, and [`Raw`](crate::Raw) is made of one with
/// `try_from`. What is only looked at is stored again as it was, with what a variant here does not tell: the name of a
/// fixed time zone, whether an hour that was repeated is the second one.
///
/// ```
/// use jam_session::{PickledValue, Raw};
///
/// let raw = Raw::try_from(PickledValue::Bytes(vec![0, 255]))?;
/// assert_eq!(raw.get::<Vec<u8>>()?, [0, 255]);
/// # Ok::<(), jam_session::BoxError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PickledValue {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An `int` of up to 64 bits.
    Int(i64),
    /// A larger `int`, in decimal digits, at most 4300.
    BigInt(String),
    /// A `float`, also `nan` and the infinities.
    Float(f64),
    /// A `str`.
    Str(String),
    /// A `str` with lone surrogates, in UTF-8 as if they were characters.
    Surrogates(Vec<u8>),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// A `bytearray`.
    ByteArray(Vec<u8>),
    /// A `list`.
    List(Vec<Self>),
    /// A `tuple`.
    Tuple(Vec<Self>),
    /// A `set`.
    Set(Vec<Self>),
    /// A `frozenset`.
    FrozenSet(Vec<Self>),
    /// A `dict`, names with values, in order.
    Dict(Vec<(Self, Self)>),
    /// A `datetime.date`, of the years 1 to 9999.
    Date(Date),
    /// A `datetime.datetime` without a time zone; to the microsecond.
    DateTime(PrimitiveDateTime),
    /// A `datetime.datetime` with a distance from UTC: `datetime.timezone`, or `pytz.utc`.
    AwareDateTime(OffsetDateTime),
    /// A `datetime.datetime` with a `zoneinfo.ZoneInfo` of this key.
    ZonedDateTime(PrimitiveDateTime, String),
    /// A `datetime.time`, with its distance from UTC if it has one.
    Time(Time, Option<UtcOffset>),
    /// A `datetime.timedelta`; to the microsecond.
    TimeDelta(Duration),
    /// A `decimal.Decimal`, as Python writes it.
    Decimal(String),
    /// A `uuid.UUID`, as its number.
    Uuid(u128),
}
