//! The constructors that a pickle of data uses. Nothing is called: each of them is understood here.

use super::{
    super::{
        error::PickleError,
        tape::{Kind, Token},
    },
    Class, Machine, Node,
};

/// Where Python 2 and Python 3 have what is known, below which name.
const CLASSES: [(&[&str], &str, Class); 18] = [
    (&["builtins", "__builtin__"], "set", Class::Set),
    (&["builtins", "__builtin__"], "frozenset", Class::FrozenSet),
    (&["builtins", "__builtin__"], "bytes", Class::Bytes),
    (&["builtins", "__builtin__"], "bytearray", Class::ByteArray),
    (&["builtins", "__builtin__"], "object", Class::Object),
    (&["_codecs"], "encode", Class::Encode),
    (&["copyreg", "copy_reg"], "_reconstructor", Class::Reconstruct),
    (&["datetime"], "datetime", Class::DateTime),
    (&["datetime"], "date", Class::Date),
    (&["datetime"], "time", Class::Time),
    (&["datetime"], "timedelta", Class::TimeDelta),
    (&["datetime"], "timezone", Class::TimeZone),
    (&["pytz"], "_UTC", Class::PytzUtc),
    (&["zoneinfo"], "ZoneInfo", Class::ZoneInfo),
    (&["zoneinfo"], "ZoneInfo._unpickle", Class::UnpickleZone),
    (&["builtins", "__builtin__"], "getattr", Class::GetAttr),
    (&["decimal"], "Decimal", Class::Decimal),
    (&["uuid"], "UUID", Class::Uuid),
];

/// A name that is longer is not worth telling.
const LONGEST_NAME: usize = 100;

impl Machine<'_> {
    pub(super) fn call(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.class(module, name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |node| match self.token(node) {
                    Some(Token::Str(text)) => Ok(text.as_bytes().to_vec()),
                    _ => Err(self.malformed("a class without a name")),
                };
                let (module, name) = (text(module)?, text(name)?);
                self.class(&module, &name)
            }
            b'b' => self.build(),
            _ => self.construct(opcode == b'R'),
        }
    }

    fn class(&mut self, module: &[u8], name: &[u8]) -> Result<(), PickleError> {
        let is = |modules: &[&str], known: &str| {
            known.as_bytes() == name && modules.iter().any(|known| known.as_bytes() == module)
        };
        if let Some((_, _, class)) = CLASSES.into_iter().find(|(modules, known, _)| is(modules, known)) {
            self.push(Node::Class(class));
            return Ok(());
        }
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte);
        let name = [module, b".", name].concat();
        let tell = name.len() <= LONGEST_NAME && name.iter().all(is_name);
        let name = if tell { String::from_utf8(name).ok() } else { None };
        Err(PickleError::Class { name: name.unwrap_or_else(|| "class of an odd name".to_owned()) })
    }

    /// `REDUCE`, or `NEWOBJ`, which is for UUIDs alone.
    fn construct(&mut self, reduce: bool) -> Result<(), PickleError> {
        let (arguments, class) = (self.pop()?, self.pop()?);
        let Node::Class(class) = self.nodes[class] else { return Err(self.unsupported("a call of a value")) };
        let Node::Container(Kind::Tuple, arguments) = &self.nodes[arguments] else {
            return Err(self.malformed("a call without arguments"));
        };
        // More arguments than any of them takes need not be copied.
        if arguments.len() > 3 {
            return Err(self.unsupported("a call with other arguments"));
        }
        let arguments = arguments.clone();
        if !reduce {
            let is_uuid = class == Class::Uuid && arguments.is_empty();
            let node = is_uuid.then_some(Node::NewUuid).ok_or_else(|| self.unsupported("an object of a class"))?;
            self.push(node);
            return Ok(());
        }
        let made = match class {
            Class::Set | Class::FrozenSet | Class::Reconstruct => self.container(class, &arguments)?,
            Class::Bytes | Class::ByteArray | Class::Encode => self.bytes(class, &arguments)?,
            Class::TimeZone | Class::PytzUtc | Class::UnpickleZone => self.zone(class, &arguments)?,
            Class::DateTime | Class::Date | Class::Time => self.date(class, &arguments)?,
            Class::TimeDelta | Class::Decimal => self.number(class, &arguments)?,
            Class::GetAttr => self.method(&arguments),
            Class::Object | Class::Uuid | Class::ZoneInfo => None,
        };
        let node = made.ok_or_else(|| self.unsupported("a call with other arguments"))?;
        self.push(node);
        Ok(())
    }

    fn container(&mut self, class: Class, arguments: &[usize]) -> Result<Option<Node>, PickleError> {
        let kind = match class {
            Class::Set => Kind::Set,
            Class::FrozenSet => Kind::FrozenSet,
            _ => return Ok(self.reconstruct(arguments)),
        };
        let items = match arguments {
            [] => Vec::new(),
            [items] => {
                let Node::Container(Kind::List | Kind::Tuple, items) = &self.nodes[*items] else { return Ok(None) };
                // Few bytes can copy a long list again and again, and each item takes a word.
                self.moved += size_of::<usize>() * items.len();
                if self.moved > self.bounds.size {
                    return Err(PickleError::TooLarge { limit: self.bounds.size });
                }
                items.clone()
            }
            _ => return Ok(None),
        };
        Ok(Some(Node::Container(kind, items)))
    }

    /// The one method that is asked for by its name: what makes a zone of its key.
    fn method(&self, arguments: &[usize]) -> Option<Node> {
        let [class, name] = *arguments else { return None };
        let is_zone = matches!(self.nodes[class], Node::Class(Class::ZoneInfo));
        (is_zone && self.token(name) == Some(Token::Str("_unpickle"))).then_some(Node::Class(Class::UnpickleZone))
    }

    /// How protocols 0 and 1 begin a UUID.
    fn reconstruct(&self, arguments: &[usize]) -> Option<Node> {
        let [class, base, state] = *arguments else { return None };
        let is = |node: usize, class| matches!(self.nodes[node], Node::Class(found) if found == class);
        let none = self.token(state) == Some(Token::None);
        (is(class, Class::Uuid) && is(base, Class::Object) && none).then_some(Node::NewUuid)
    }

    /// Before protocol 3 bytes are a text in Latin-1 that is to be encoded.
    fn bytes(&mut self, class: Class, arguments: &[usize]) -> Result<Option<Node>, PickleError> {
        let bytes = match *arguments {
            [] if class != Class::Encode => Some(Vec::new()),
            [bytes] if class == Class::ByteArray => match self.token(bytes) {
                Some(Token::Bytes(bytes)) => Some(bytes.to_vec()),
                _ => None,
            },
            [text, encoding] if class != Class::Bytes => match (self.token(text), self.token(encoding)) {
                (Some(Token::Str(text)), Some(Token::Str("latin1" | "latin-1"))) => {
                    text.chars().map(|char| u8::try_from(char).ok()).collect()
                }
                _ => None,
            },
            _ => None,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let token = if class == Class::ByteArray { Token::ByteArray(&bytes) } else { Token::Bytes(&bytes) };
        self.leaf(token).map(|leaf| Some(Node::Leaf(leaf)))
    }
}
