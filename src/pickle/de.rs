//! Tapes as what `Deserialize` reads.
//!
//! Tuples and sets are sequences; bytes are bytes, or a sequence of numbers for who asks for one; dates, decimals and
//! UUIDs are texts, as Python's `isoformat` and `str` write them; a `timedelta` is its seconds, a float.

use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, SeqAccess,
        Visitor,
        value::{Error, MapAccessDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{
    cursor::Cursor,
    dates,
    tape::{Kind, Tape, Token},
};

/// The value as a `T`. What the error says may quote the value.
pub(crate) fn from_tape<T: DeserializeOwned>(tape: &Tape) -> Result<T, Error> {
    T::deserialize(Item(&mut tape.cursor()))
}

/// The next item of a tape.
struct Item<'c, 't>(&'c mut Cursor<'t>);

impl<'t> Item<'_, 't> {
    fn token(&mut self) -> Result<Token<'t>, Error> {
        self.0.token().ok_or_else(|| Error::custom("it ends too early"))
    }

    /// The next token, if it is one that `wanted` takes.
    fn token_if<T>(&mut self, wanted: impl FnOnce(Token<'t>) -> Option<T>) -> Option<T> {
        let mut ahead = self.0.clone();
        let found = ahead.token().and_then(wanted)?;
        *self.0 = ahead;
        Some(found)
    }

    fn digits(&mut self) -> Option<&'t str> {
        self.token_if(|token| if let Token::Int(digits) = token { Some(digits) } else { None })
    }

    fn bytes(&mut self) -> Option<&'t [u8]> {
        self.token_if(|token| match token {
            Token::Bytes(bytes) | Token::ByteArray(bytes) => Some(bytes),
            _ => None,
        })
    }
}

impl<'de> Deserializer<'de> for Item<'_, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.token()? {
            Token::None => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Int(digits) => match (digits.parse::<i64>(), digits.parse::<u64>()) {
                (Ok(number), _) => visitor.visit_i64(number),
                (_, Ok(number)) => visitor.visit_u64(number),
                _ => visitor.visit_str(digits),
            },
            Token::Float(value) => visitor.visit_f64(value),
            Token::Str(text) => visitor.visit_str(text),
            Token::Surrogates(_) => Err(Error::custom("a text with a lone surrogate")),
            Token::Bytes(bytes) | Token::ByteArray(bytes) => visitor.visit_bytes(bytes),
            Token::TimeDelta { days, seconds, micros } => {
                visitor.visit_f64(dates::total_seconds(days, seconds, micros))
            }
            Token::Open(kind, count) => self.container(kind, count, visitor),
            token => visitor.visit_string(dates::to_text(token)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.token_if(|token| (token == Token::None).then_some(())) {
            Some(()) => visitor.visit_none(),
            None => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.bytes() {
            Some(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _items: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.digits().map(str::parse) {
            Some(Ok(number)) => visitor.visit_i128(number),
            Some(Err(_)) => Err(Error::custom("a number that is too large")),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.digits().map(str::parse) {
            Some(Ok(number)) => visitor.visit_u128(number),
            Some(Err(_)) => Err(Error::custom("a number that is negative or too large")),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.digits().map(str::parse) {
            Some(Ok(number)) => visitor.visit_f64(number),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.token()? {
            Token::Str(text) => visitor.visit_enum(text.into_deserializer()),
            Token::Open(Kind::Dict, 1) => {
                visitor.visit_enum(MapAccessDeserializer::new(Items { cursor: self.0, left: 1 }))
            }
            _ => Err(Error::custom("not a variant of an enum")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 char str string bytes byte_buf unit unit_struct tuple_struct map
        struct identifier ignored_any
    }
}

impl Item<'_, '_> {
    fn container<'de, V: Visitor<'de>>(self, kind: Kind, count: u32, visitor: V) -> Result<V::Value, Error> {
        let mut items = Items { cursor: self.0, left: count };
        let value = match kind {
            Kind::Dict => visitor.visit_map(&mut items)?,
            Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => visitor.visit_seq(&mut items)?,
        };
        if items.left == 0 { Ok(value) } else { Err(Error::custom("it has more items than that")) }
    }
}

/// The items of a container that nobody has read yet.
struct Items<'c, 't> {
    cursor: &'c mut Cursor<'t>,
    left: u32,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Item(self.cursor)).map(Some)
    }
}

impl<'de> MapAccess<'de> for Items<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Item(self.cursor))
    }
}
