//! Sizes, docs and panics of one source file.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, ExprMethodCall, ImplItemFn, Item, ItemFn, ItemMod, Macro, TraitItemFn, UseTree, Visibility,
};

use super::files::{parse, relative};
use crate::run::Result;

pub struct Function {
    pub path: String,
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

pub struct Source {
    pub path: String,
    pub lines: usize,
    /// Lines that are not blank.
    pub filled_lines: usize,
    pub doc_lines: usize,
    pub functions: Vec<Function>,
    /// Calls of `unwrap` and `expect` outside tests, as messages.
    pub panics: Vec<String>,
}

impl Source {
    pub fn read(path: &Path) -> Result<Self> {
        let (text, file) = parse(path)?;
        let is_doc = |line: &&str| line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
        let mut source = Self {
            path: relative(path),
            lines: text.lines().count(),
            filled_lines: text.lines().filter(|line| !line.trim().is_empty()).count(),
            doc_lines: text.lines().filter(is_doc).count(),
            functions: Vec::new(),
            panics: Vec::new(),
        };
        let in_tests = path.components().any(|part| part.as_os_str() == "tests");
        Visitor { source: &mut source, in_tests }.visit_file(&file);
        Ok(source)
    }
}

struct Visitor<'a> {
    source: &'a mut Source,
    in_tests: bool,
}

impl Visitor<'_> {
    fn function(&mut self, name: String, start: proc_macro2::Span, block: &Block) {
        let (line, end) = (start.start().line, block.span().end().line);
        self.source.functions.push(Function { path: self.source.path.clone(), name, line, lines: end + 1 - line });
    }

    fn panic(&mut self, method: &str, line: usize) {
        if !self.in_tests && (method == "unwrap" || method == "expect") {
            self.source.panics.push(format!("{}:{line} calls `{method}` outside tests", self.source.path));
        }
    }

    /// Finds `.unwrap(` and `.expect(` inside a macro's tokens, which are not parsed.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) if is_dot(index.checked_sub(1).map(|before| &tokens[before])) => {
                    self.panic(&ident.to_string(), ident.span().start().line);
                }
                _ => {}
            }
        }
    }
}

fn is_dot(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(item.sig.ident.to_string(), item.sig.span(), &item.block);
        let outer = self.in_tests;
        self.in_tests |= item.attrs.iter().any(|attribute| attribute.path().is_ident("test"));
        visit::visit_item_fn(self, item);
        self.in_tests = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(item.sig.ident.to_string(), item.sig.span(), &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(item.sig.ident.to_string(), item.sig.span(), block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let outer = self.in_tests;
        self.in_tests |= is_test(&item.attrs);
        visit::visit_item_mod(self, item);
        self.in_tests = outer;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.panic(&call.method.to_string(), call.method.span().start().line);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }
}

/// Whether the attributes say `#[cfg(test)]`.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// The public names at a crate's root, other than modules, sorted.
pub fn root_names(lib: &Path) -> Result<Vec<String>> {
    let (_, file) = parse(lib)?;
    let mut names = Vec::new();
    for item in &file.items {
        let (visibility, name) = match item {
            Item::Use(item) if is_public(&item.vis) => {
                leaves(&item.tree, &mut names);
                continue;
            }
            Item::Const(item) => (&item.vis, &item.ident),
            Item::Enum(item) => (&item.vis, &item.ident),
            Item::Fn(item) => (&item.vis, &item.sig.ident),
            Item::Static(item) => (&item.vis, &item.ident),
            Item::Struct(item) => (&item.vis, &item.ident),
            Item::Trait(item) => (&item.vis, &item.ident),
            Item::Type(item) => (&item.vis, &item.ident),
            _ => continue,
        };
        if is_public(visibility) {
            names.push(name.to_string());
        }
    }
    names.sort();
    Ok(names)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The names that a `use` brings into scope.
fn leaves(tree: &UseTree, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, names),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        UseTree::Name(name) => names.push(name.ident.to_string()),
        UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        UseTree::Glob(_) => names.push("*".into()),
    }
}
