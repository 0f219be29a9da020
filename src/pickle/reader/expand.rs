//! From the nodes of the machine to a tape, in which nothing is shared.

use super::{
    super::{
        error::PickleError,
        tape::{Kind, Tape, Token},
    },
    Machine, Node,
};

/// A container whose items are being written.
struct Open<'m> {
    node: usize,
    kind: Kind,
    items: &'m [usize],
    done: usize,
    /// What is in a set, or in a name, has to be something that Python can hash.
    hashed: bool,
}

impl Machine<'_> {
    pub(super) fn expand(&self, root: usize) -> Result<Tape, PickleError> {
        let mut tape = Tape::default();
        let mut open: Vec<Open<'_>> = Vec::new();
        let mut next = Some((root, false));
        while let Some((node, hashed)) = next {
            if let Some(container) = self.write_node(node, hashed, &mut tape)? {
                self.check_nesting(&open, node)?;
                open.push(container);
            }
            if tape.len() > self.bounds.size {
                return Err(PickleError::TooLarge { limit: self.bounds.size });
            }
            next = next_item(&mut open);
        }
        Ok(tape)
    }

    fn write_node(&self, node: usize, hashed: bool, tape: &mut Tape) -> Result<Option<Open<'_>>, PickleError> {
        match &self.nodes[node] {
            Node::Leaf(range) => {
                if hashed && matches!(self.token(node), Some(Token::ByteArray(_))) {
                    return Err(self.malformed("a name, or an item of a set, that cannot be one"));
                }
                tape.extend(&self.leaves.bytes()[range.clone()]);
                Ok(None)
            }
            Node::Container(kind, items) => {
                if hashed && !matches!(kind, Kind::Tuple | Kind::FrozenSet) {
                    return Err(self.malformed("a name, or an item of a set, that cannot be one"));
                }
                let count = if *kind == Kind::Dict { items.len() / 2 } else { items.len() };
                let count = u32::try_from(count).map_err(|_| PickleError::TooLarge { limit: self.bounds.size })?;
                tape.push(Token::Open(*kind, count));
                Ok(Some(Open { node, kind: *kind, items, done: 0, hashed }))
            }
            Node::Zone(_) => Err(PickleError::Class { name: "time zone on its own".to_owned() }),
            Node::Class(_) => Err(self.unsupported("a class as a value")),
            Node::NewUuid => Err(self.malformed("a UUID without a number")),
        }
    }

    fn check_nesting(&self, open: &[Open<'_>], node: usize) -> Result<(), PickleError> {
        let limit = self.bounds.depth;
        if open.len() < limit {
            return Ok(());
        }
        // What contains itself ends here, too.
        let recursive = open.iter().any(|container| container.node == node);
        Err(if recursive { PickleError::Recursive } else { PickleError::TooDeep { limit } })
    }
}

fn next_item(open: &mut Vec<Open<'_>>) -> Option<(usize, bool)> {
    loop {
        let container = open.last_mut()?;
        if let Some(&item) = container.items.get(container.done) {
            let hashed = match container.kind {
                Kind::Set | Kind::FrozenSet => true,
                Kind::Dict => container.done % 2 == 0,
                Kind::List | Kind::Tuple => container.hashed,
            };
            container.done += 1;
            return Some((item, hashed));
        }
        open.pop();
    }
}
