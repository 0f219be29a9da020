//! The stack machine of a pickle, without anything that it could call.

use std::ops::Range;

use super::{
    cursor::Cursor,
    error::PickleError,
    tape::{Kind, Tape, Token, Zone},
};

mod build;
mod calls;
mod containers;
mod expand;
mod lines;
mod scalars;

/// How much a pickle may become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of the tape: everything that is repeated counts each time.
    pub(crate) size: usize,
    /// Nesting, the outermost container included.
    pub(crate) depth: usize,
}

/// Reads a pickle of any protocol. What follows its end is not looked at, as in Python.
pub(crate) fn read(input: &[u8], bounds: Bounds) -> Result<Tape, PickleError> {
    let mut machine = Machine {
        input,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        memoized: 0,
        nodes: Vec::new(),
        leaves: Tape::default(),
        moved: 0,
        bounds,
    };
    loop {
        let opcode = machine.byte()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return machine.expand(root);
        }
        machine.step(opcode)?;
    }
}

/// The types whose constructors are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Set,
    FrozenSet,
    Bytes,
    ByteArray,
    Object,
    Encode,
    Reconstruct,
    DateTime,
    Date,
    Time,
    TimeDelta,
    TimeZone,
    PytzUtc,
    ZoneInfo,
    UnpickleZone,
    GetAttr,
    Decimal,
    Uuid,
}

/// An object of the machine. Values refer to each other by place, so that sharing costs nothing and a list may
/// still grow when something holds it already.
#[derive(Debug)]
enum Node {
    /// A token of the tape `leaves`.
    Leaf(Range<usize>),
    /// A container; of a dictionary names and values in turn.
    Container(Kind, Vec<usize>),
    /// A `tzinfo`, in the tape `leaves`.
    Zone(Range<usize>),
    Class(Class),
    /// A UUID before it has its number.
    NewUuid,
}

struct Machine<'a> {
    input: &'a [u8],
    at: usize,
    stack: Vec<usize>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    /// Places of nodes; `usize::MAX` where nothing was put.
    memo: Vec<usize>,
    memoized: usize,
    nodes: Vec<Node>,
    leaves: Tape,
    /// Bytes of items that were copied from one container into another.
    moved: usize,
    bounds: Bounds,
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            b'N' | 0x88 | 0x89 | b'I' | b'L' | b'F' | b'J' | b'K' | b'M' | b'G' | 0x8a | 0x8b => self.scalar(opcode),
            b'S' | b'T' | b'U' | b'V' | b'X' | b'B' | b'C' | 0x8c | 0x8d | 0x8e | 0x96 => self.text(opcode),
            b'(' | b'0' | b'1' | b'2' | b')' | b']' | b'}' | 0x8f => self.stack_or_empty(opcode),
            b't' | b'l' | b'd' | 0x85..=0x87 | 0x91 => self.collect(opcode),
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(opcode),
            b'p' | b'q' | b'r' | 0x94 => self.put(opcode),
            b'g' | b'h' | b'j' => self.get(opcode),
            b'c' | 0x93 | b'R' | 0x81 | b'b' => self.call(opcode),
            0x80 => match self.byte()? {
                0..=5 => Ok(()),
                _ => Err(self.malformed("a protocol after 5")),
            },
            0x95 => {
                let length = self.length(8)?;
                if length > self.input.len() - self.at { Err(self.malformed("it ends too early")) } else { Ok(()) }
            }
            b'i' | b'o' | 0x92 => Err(self.unsupported("an object of a class")),
            b'P' | b'Q' => Err(self.unsupported("a reference to an object elsewhere")),
            0x82..=0x84 => Err(self.unsupported("a class of the extension registry")),
            0x97 | 0x98 => Err(self.unsupported("a buffer outside of the pickle")),
            _ => Err(self.malformed("no such instruction")),
        }
    }

    fn malformed(&self, what: &'static str) -> PickleError {
        PickleError::Malformed { at: self.at, what }
    }

    fn unsupported(&self, what: &'static str) -> PickleError {
        PickleError::Unsupported { at: self.at, what }
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PickleError> {
        let rest = &self.input[self.at..];
        let bytes = rest.get(..length).ok_or_else(|| self.malformed("it ends too early"))?;
        self.at += length;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A length in so many bytes, at most 8.
    fn length(&mut self, bytes: usize) -> Result<usize, PickleError> {
        let mut wide = [0; 8];
        wide[..bytes].copy_from_slice(self.take(bytes)?);
        usize::try_from(u64::from_le_bytes(wide)).map_err(|_| self.malformed("it ends too early"))
    }

    fn pop(&mut self) -> Result<usize, PickleError> {
        let fence = self.marks.last().copied().unwrap_or_default();
        match self.stack.pop() {
            Some(node) if self.stack.len() >= fence => Ok(node),
            _ => Err(self.malformed("nothing is on the stack")),
        }
    }

    fn top(&self) -> Result<usize, PickleError> {
        let fence = self.marks.last().copied().unwrap_or_default();
        let above = self.stack.last().filter(|_| self.stack.len() > fence);
        above.copied().ok_or_else(|| self.malformed("nothing is on the stack"))
    }

    /// What is on the stack above the last mark, which is gone then.
    fn pop_mark(&mut self) -> Result<Vec<usize>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("there is no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn push(&mut self, node: Node) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn push_leaf(&mut self, token: Token<'_>) -> Result<(), PickleError> {
        let leaf = self.leaf(token)?;
        self.push(Node::Leaf(leaf));
        Ok(())
    }

    fn leaf(&mut self, token: Token<'_>) -> Result<Range<usize>, PickleError> {
        let start = self.leaves.len();
        self.leaves.push(token);
        self.within_bounds(start)
    }

    fn zone_leaf(&mut self, zone: Zone<'_>) -> Result<Range<usize>, PickleError> {
        let start = self.leaves.len();
        self.leaves.zone(zone);
        self.within_bounds(start)
    }

    fn within_bounds(&self, start: usize) -> Result<Range<usize>, PickleError> {
        let (end, limit) = (self.leaves.len(), self.bounds.size);
        if end > limit { Err(PickleError::TooLarge { limit }) } else { Ok(start..end) }
    }

    /// The value of a node that is no container.
    fn token(&self, node: usize) -> Option<Token<'_>> {
        match &self.nodes[node] {
            Node::Leaf(range) => Cursor::over(&self.leaves.bytes()[range.clone()]).token(),
            _ => None,
        }
    }
}
