//! Dates, numbers and UUIDs out of what their constructors are given.

use super::{
    super::{
        cursor::Cursor,
        dates, decimal,
        error::PickleError,
        tape::{Kind, Tape, Token, Zone},
    },
    Class, Machine, Node,
};

impl Machine<'_> {
    pub(super) fn zone(&mut self, class: Class, arguments: &[usize]) -> Result<Option<Node>, PickleError> {
        let text = |node: &usize| match self.token(*node) {
            Some(Token::Str(text)) => Some(text.to_owned()),
            _ => None,
        };
        let name = match (class, arguments) {
            (Class::UnpickleZone, [key, _]) => text(key),
            (Class::TimeZone, [_, name]) => text(name),
            _ => None,
        };
        let zone = match (class, arguments) {
            (Class::PytzUtc, []) => Some(Zone::PytzUtc),
            (Class::UnpickleZone, _) => name.as_deref().map(Zone::Named),
            (Class::TimeZone, [offset, rest @ ..]) => {
                let complete = rest.len() == usize::from(name.is_some());
                match self.token(*offset).filter(|_| complete) {
                    Some(Token::TimeDelta { days, seconds, micros }) => {
                        let seconds = i64::from(days) * 86_400 + i64::from(seconds);
                        let micros = seconds * 1_000_000 + i64::from(micros);
                        dates::is_offset(micros).then_some(Zone::Fixed { micros, name: name.as_deref() })
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        zone.map(|zone| self.zone_leaf(zone)).transpose().map(|leaf| leaf.map(Node::Zone))
    }

    pub(super) fn date(&mut self, class: Class, arguments: &[usize]) -> Result<Option<Node>, PickleError> {
        let (Some(Token::Bytes(state)), rest) = (match arguments {
            [state, rest @ ..] if rest.len() < 2 => (self.token(*state), rest),
            _ => return Ok(None),
        }) else {
            return Ok(None);
        };
        let zone = match rest {
            [] => Some(Zone::Naive),
            [zone] => match &self.nodes[*zone] {
                Node::Zone(range) => Cursor::over(&self.leaves.bytes()[range.clone()]).zone(),
                _ => None,
            },
            _ => None,
        };
        let token = zone.and_then(|zone| match class {
            Class::DateTime => {
                let state = state.try_into().ok().filter(|state| dates::date_time(*state).is_some())?;
                Some(Token::DateTime(state, zone))
            }
            // A place's clock has no time of day without a date.
            Class::Time if matches!(zone, Zone::Named(_)) => None,
            Class::Time => {
                let state = state.try_into().ok().filter(|state| dates::time(*state).is_some())?;
                Some(Token::Time(state, zone))
            }
            _ => {
                let state: [u8; 4] = state.try_into().ok()?;
                (dates::date(state).is_some() && state[2] < 13 && zone == Zone::Naive).then_some(Token::Date(state))
            }
        });
        let Some(token) = token else { return Ok(None) };
        let mut leaf = Tape::default();
        leaf.push(token);
        let start = self.leaves.len();
        self.leaves.append(&leaf);
        self.within_bounds(start).map(|leaf| Some(Node::Leaf(leaf)))
    }

    pub(super) fn number(&mut self, class: Class, arguments: &[usize]) -> Result<Option<Node>, PickleError> {
        let leaf = match (class, arguments) {
            (Class::Decimal, [text]) => {
                let text = match self.token(*text) {
                    Some(Token::Str(text)) if decimal::is_valid(text) => text.to_owned(),
                    _ => return Ok(None),
                };
                self.leaf(Token::Decimal(&text))?
            }
            (Class::TimeDelta, [days, seconds, micros]) => {
                let part = |node: &usize| match self.token(*node) {
                    Some(Token::Int(digits)) => digits.parse::<i64>().ok().map(i128::from),
                    _ => None,
                };
                let parts = (part(days), part(seconds), part(micros));
                let (Some(days), Some(seconds), Some(micros)) = parts else { return Ok(None) };
                let Some((days, seconds, micros)) = dates::timedelta(days, seconds, micros) else { return Ok(None) };
                self.leaf(Token::TimeDelta { days, seconds, micros })?
            }
            _ => return Ok(None),
        };
        Ok(Some(Node::Leaf(leaf)))
    }

    /// Gives a UUID its number.
    pub(super) fn build(&mut self) -> Result<(), PickleError> {
        let (state, object) = (self.pop()?, self.top()?);
        let (Node::NewUuid, Node::Container(Kind::Dict, state)) = (&self.nodes[object], &self.nodes[state]) else {
            return Err(self.unsupported("the state of an object"));
        };
        // A number and whether it is safe: a longer state need not be looked at.
        if state.len() > 4 {
            return Err(self.unsupported("the state of an object"));
        }
        let (mut number, mut safe, mut other) = (None, None, false);
        for pair in state.chunks_exact(2) {
            match (self.token(pair[0]), self.token(pair[1])) {
                (Some(Token::Str("int")), Some(Token::Int(digits))) => number = digits.parse::<u128>().ok(),
                (Some(Token::Str("is_safe")), Some(Token::Int(digits))) => safe = digits.parse::<i8>().ok(),
                _ => other = true,
            }
        }
        let Some(int) = number.filter(|_| !other) else { return Err(self.unsupported("the state of an object")) };
        let is_safe = safe.filter(|safe| [0, -1].contains(safe));
        let leaf = self.leaf(Token::Uuid { int, is_safe })?;
        self.nodes[object] = Node::Leaf(leaf);
        Ok(())
    }
}
