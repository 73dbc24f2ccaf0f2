//! `$filter` of a list: a small part of OData's language. What is outside of it is refused, never ignored.

use serde_json::{Map, Value};

use crate::property::{Comparable, Property, ValueType};
use crate::response::ErrorResponse;

/// How deep parentheses and `not` may nest.
const MAX_DEPTH: usize = 32;

/// A condition on a certification.
#[derive(Debug)]
pub enum Filter {
    /// At least one of these.
    Or(Vec<Filter>),
    /// All of these.
    And(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A comparison with a literal.
    Compare(Property, Operator, Comparable),
    /// A text that contains another one, or begins with it.
    Match(Property, TextFunction, String),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// A function on text.
#[derive(Clone, Copy, Debug)]
pub enum TextFunction {
    /// `startswith`
    StartsWith,
    /// `contains`
    Contains,
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, ErrorResponse> {
        let syntax = || ErrorResponse::bad_request(format!("Invalid filter clause: {text}"));
        let mut parser = Parser { tokens: tokens(text).ok_or_else(syntax)?, at: 0 };
        let filter = parser.any(0)?.filter(|_| parser.at == parser.tokens.len());
        filter.ok_or_else(syntax)
    }

    /// Whether a certification meets the condition.
    pub fn accepts(&self, document: &Map<String, Value>) -> bool {
        self.evaluate(document) == Some(true)
    }

    /// OData's logic of three values: a function of null is null, and so is its negation.
    fn evaluate(&self, document: &Map<String, Value>) -> Option<bool> {
        match self {
            Self::Or(parts) => combine(parts, document, true),
            Self::And(parts) => combine(parts, document, false),
            Self::Not(part) => part.evaluate(document).map(|accepted| !accepted),
            Self::Compare(property, operator, literal) => Some(operator.compare(&property.of(document), literal)),
            Self::Match(property, function, wanted) => match (property.of(document), function) {
                (Comparable::Text(text), TextFunction::StartsWith) => Some(text.starts_with(wanted)),
                (Comparable::Text(text), TextFunction::Contains) => Some(text.contains(wanted)),
                _ => None,
            },
        }
    }
}

/// Combines conditions of which one that gives `decisive` decides.
fn combine(parts: &[Filter], document: &Map<String, Value>, decisive: bool) -> Option<bool> {
    let mut combined = Some(!decisive);
    for part in parts {
        match part.evaluate(document) {
            Some(value) if value == decisive => return Some(decisive),
            Some(_) => {}
            None => combined = None,
        }
    }
    combined
}

impl Operator {
    fn find(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }

    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    fn compare(self, left: &Comparable, right: &Comparable) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            // Null is neither before nor after anything.
            _ if *left == Comparable::Null => false,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Text(String),
}

/// Splits a filter; nothing when a literal does not end.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | ',' => {
                tokens.push(match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                });
                1
            }
            '\'' => {
                let length = literal_length(rest)?;
                tokens.push(Token::Text(rest[1..length - 1].replace("''", "'")));
                length
            }
            _ => {
                let is_end = |letter: char| letter.is_whitespace() || "(),'".contains(letter);
                let length = rest.find(is_end).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

/// The length of the quoted literal at the beginning, in which a doubled quote stands for one.
fn literal_length(text: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text[at..].find('\'')? + 1;
        if !text[at..].starts_with('\'') {
            return Some(at);
        }
        at += 1;
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

/// A part of a filter; none when the syntax is wrong there.
type Parsed = Result<Option<Filter>, ErrorResponse>;

impl Parser {
    fn next(&mut self) -> Option<&Token> {
        self.at += 1;
        self.tokens.get(self.at - 1)
    }

    /// Goes past a token when it is the next one.
    fn skip(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(found);
        found
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(next)) if next == word);
        self.at += usize::from(found);
        found
    }

    /// `a or b or …`
    fn any(&mut self, depth: usize) -> Parsed {
        let mut parts = Vec::new();
        loop {
            let Some(part) = self.all(depth)? else { return Ok(None) };
            parts.push(part);
            if !self.skip_word("or") {
                return Ok(Some(Filter::Or(parts)));
            }
        }
    }

    /// `a and b and …`
    fn all(&mut self, depth: usize) -> Parsed {
        let mut parts = Vec::new();
        loop {
            let Some(part) = self.term(depth)? else { return Ok(None) };
            parts.push(part);
            if !self.skip_word("and") {
                return Ok(Some(Filter::And(parts)));
            }
        }
    }

    /// `not a`, `(a)`, a function or a comparison.
    fn term(&mut self, depth: usize) -> Parsed {
        if depth >= MAX_DEPTH {
            return Ok(None);
        }
        if self.skip_word("not") {
            return Ok(self.term(depth + 1)?.map(|part| Filter::Not(Box::new(part))));
        }
        if self.skip(&Token::Open) {
            let inner = self.any(depth + 1)?;
            return Ok(inner.filter(|_| self.skip(&Token::Close)));
        }
        let Some(Token::Word(word)) = self.next() else { return Ok(None) };
        let word = word.clone();
        if self.skip(&Token::Open) { self.function(&word) } else { self.comparison(&word) }
    }

    fn function(&mut self, name: &str) -> Parsed {
        let function = match name {
            "startswith" => TextFunction::StartsWith,
            "contains" => TextFunction::Contains,
            _ => return Ok(None),
        };
        let Some(Token::Word(property)) = self.next() else { return Ok(None) };
        let property = Property::find(property)?;
        if property.value_type != ValueType::Text || !self.skip(&Token::Comma) {
            return Ok(None);
        }
        let Some(Token::Text(wanted)) = self.next() else { return Ok(None) };
        let wanted = wanted.to_lowercase();
        Ok(self.skip(&Token::Close).then_some(Filter::Match(property, function, wanted)))
    }

    fn comparison(&mut self, name: &str) -> Parsed {
        let property = Property::find(name)?;
        let Some(Token::Word(operator)) = self.next() else { return Ok(None) };
        let Some(operator) = Operator::find(operator) else { return Ok(None) };
        let is_text = property.value_type == ValueType::Text;
        let literal = match self.next() {
            Some(Token::Word(word)) if word == "null" => Some(Comparable::Null),
            Some(Token::Text(text)) if is_text => property.value_type.read(text),
            Some(Token::Word(word)) if !is_text => property.value_type.read(word),
            _ => None,
        };
        // Order is supported for dates and points in time.
        let is_supported = operator.is_equality() || !is_text && literal != Some(Comparable::Null);
        Ok(literal.filter(|_| is_supported).map(|literal| Filter::Compare(property, operator, literal)))
    }
}
