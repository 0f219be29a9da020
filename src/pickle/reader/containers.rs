//! Instructions for containers, for the stack and for the memo.

use super::{
    super::{error::PickleError, tape::Kind},
    Machine, Node, lines,
};

/// Nothing was put here.
const EMPTY: usize = usize::MAX;

impl Machine<'_> {
    pub(super) fn stack_or_empty(&mut self, opcode: u8) -> Result<(), PickleError> {
        let kind = match opcode {
            b')' => Kind::Tuple,
            b']' => Kind::List,
            b'}' => Kind::Dict,
            0x8f => Kind::Set,
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            // Python takes a mark from the stack where nothing else is above it.
            b'0' if self.marks.last() == Some(&self.stack.len()) => return self.pop_mark().map(|_| ()),
            b'0' => return self.pop().map(|_| ()),
            b'1' => return self.pop_mark().map(|_| ()),
            _ => {
                self.stack.push(self.top()?);
                return Ok(());
            }
        };
        self.push(Node::Container(kind, Vec::new()));
        Ok(())
    }

    /// Makes a container of what is on the stack.
    pub(super) fn collect(&mut self, opcode: u8) -> Result<(), PickleError> {
        let (kind, items) = match opcode {
            0x85..=0x87 => {
                let mut items = (0..=opcode - 0x85).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
                items.reverse();
                (Kind::Tuple, items)
            }
            b't' => (Kind::Tuple, self.pop_mark()?),
            b'l' => (Kind::List, self.pop_mark()?),
            0x91 => (Kind::FrozenSet, self.pop_mark()?),
            _ => (Kind::Dict, self.pop_mark()?),
        };
        if kind == Kind::Dict && items.len() % 2 == 1 {
            return Err(self.malformed("a name without a value"));
        }
        self.push(Node::Container(kind, items));
        Ok(())
    }

    /// Adds to the container on the stack.
    pub(super) fn fill(&mut self, opcode: u8) -> Result<(), PickleError> {
        let (kind, items) = match opcode {
            b'a' => (Kind::List, vec![self.pop()?]),
            b'e' => (Kind::List, self.pop_mark()?),
            b's' => {
                let value = self.pop()?;
                (Kind::Dict, vec![self.pop()?, value])
            }
            b'u' => (Kind::Dict, self.pop_mark()?),
            _ => (Kind::Set, self.pop_mark()?),
        };
        if kind == Kind::Dict && items.len() % 2 == 1 {
            return Err(self.malformed("a name without a value"));
        }
        let container = self.top()?;
        match &mut self.nodes[container] {
            Node::Container(found, held) if *found == kind => held.extend(items),
            _ => return Err(self.malformed("nothing to add to")),
        }
        Ok(())
    }

    pub(super) fn put(&mut self, opcode: u8) -> Result<(), PickleError> {
        let place = if opcode == 0x94 { self.memoized } else { self.place(opcode)? };
        // Nobody has more to remember than there are bytes.
        if place > self.input.len() {
            return Err(self.malformed("it remembers something at an impossible place"));
        }
        let node = self.top()?;
        if place >= self.memo.len() {
            self.memo.resize(place + 1, EMPTY);
        }
        self.memoized += usize::from(self.memo[place] == EMPTY);
        self.memo[place] = node;
        Ok(())
    }

    pub(super) fn get(&mut self, opcode: u8) -> Result<(), PickleError> {
        let place = self.place(opcode)?;
        let node = self.memo.get(place).copied().filter(|&node| node != EMPTY);
        self.stack.push(node.ok_or_else(|| self.malformed("it recalls what it has not remembered"))?);
        Ok(())
    }

    fn place(&mut self, opcode: u8) -> Result<usize, PickleError> {
        match opcode {
            b'p' | b'g' => {
                let place = lines::integer(self.line()?).and_then(|number| number.parse().ok());
                place.ok_or_else(|| self.malformed("not a place in the memory"))
            }
            b'q' | b'h' => self.length(1),
            _ => self.length(4),
        }
    }
}
