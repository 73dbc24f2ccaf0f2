//! Import circles between the files of one crate.
//!
//! A file imports another when a path in it, in `use` or in code, leads to an item that the other defines. Re-exports are
//! followed to the definition and are not imports themselves; tests are left out.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

use super::files::{parse, relative};
use super::measure::is_test;
use crate::run::Result;

type ModuleId = usize;
type Names = Vec<String>;

#[derive(Default)]
struct Module {
    file: PathBuf,
    parent: Option<ModuleId>,
    children: HashMap<String, ModuleId>,
    definitions: BTreeSet<String>,
    /// Imported names and their paths.
    imports: HashMap<String, Names>,
    globs: Vec<Names>,
    /// Paths to resolve: of private imports, and of code.
    uses: Vec<Names>,
}

/// What a path leads to.
enum Target {
    Module(ModuleId),
    Item(ModuleId),
}

#[derive(Default)]
struct Modules(Vec<Module>);

type Edges = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// The circles in the crate whose root is in this folder: for each group of files that import each other, the shortest
/// circle and the number of files.
pub fn circles(src: &Path) -> Result<Vec<String>> {
    let crate_root = ["lib.rs", "main.rs"].map(|name| src.join(name)).into_iter().find(|path| path.exists());
    let Some(crate_root) = crate_root else { return Ok(Vec::new()) };
    let mut modules = Modules::default();
    let (_, file) = parse(&crate_root)?;
    modules.add(&crate_root, src.to_owned(), None, &file.items)?;
    let edges = modules.edges();
    let mut groups: BTreeMap<BTreeSet<PathBuf>, Vec<PathBuf>> = BTreeMap::new();
    for file in edges.keys() {
        let Some(circle) = shortest_circle(&edges, file) else { continue };
        let reachable = reachable(&edges, file);
        let group = reachable.iter().filter(|other| self::reachable(&edges, other).contains(file)).cloned().collect();
        let shortest = groups.entry(group).or_insert_with(|| circle.clone());
        if circle.len() < shortest.len() {
            *shortest = circle;
        }
    }
    let describe = |(group, circle): (&BTreeSet<PathBuf>, &Vec<PathBuf>)| {
        let names: Vec<_> = circle.iter().map(|file| relative(file)).collect();
        format!("{} ({} files import each other)", names.join(" → "), group.len())
    };
    Ok(groups.iter().map(describe).collect())
}

fn reachable(edges: &Edges, from: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        let next = edges.get(file).into_iter().flatten();
        open.extend(next.filter(|next| found.insert((*next).clone())).map(PathBuf::as_path));
    }
    found
}

/// The shortest way from a file back to itself.
fn shortest_circle(edges: &Edges, from: &Path) -> Option<Vec<PathBuf>> {
    let mut seen = BTreeSet::new();
    let mut open = VecDeque::from([vec![from.to_owned()]]);
    while let Some(way) = open.pop_front() {
        for next in way.last().and_then(|file| edges.get(file)).into_iter().flatten() {
            let longer: Vec<_> = way.iter().chain([next]).cloned().collect();
            if next == from {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                open.push_back(longer);
            }
        }
    }
    None
}

impl Modules {
    /// Adds a module and those inside; `folder` is where the files of its child modules are.
    fn add(&mut self, file: &Path, folder: PathBuf, parent: Option<ModuleId>, items: &[Item]) -> Result<ModuleId> {
        let id = self.0.len();
        self.0.push(Module { file: file.to_owned(), parent, ..Module::default() });
        for item in items {
            if let Item::Mod(child) = item {
                if !is_test(&child.attrs) {
                    self.add_child(id, &folder, child)?;
                }
                continue;
            }
            let module = &mut self.0[id];
            match item {
                Item::Use(item) => module.import(item),
                item => {
                    module.definitions.extend(defined_name(item));
                    Paths(&mut module.uses).visit_item(item);
                }
            }
        }
        Ok(id)
    }

    fn add_child(&mut self, parent: ModuleId, folder: &Path, child: &ItemMod) -> Result {
        let name = child.ident.to_string();
        let inner = folder.join(&name);
        let id = if let Some((_, items)) = &child.content {
            let file = self.0[parent].file.clone();
            self.add(&file, inner, Some(parent), items)?
        } else {
            let candidates = [folder.join(format!("{name}.rs")), inner.join("mod.rs")];
            let file = candidates.into_iter().find(|path| path.exists());
            let file = file.ok_or_else(|| format!("no file for module {name} in {}", folder.display()))?;
            let (_, parsed) = parse(&file)?;
            self.add(&file, inner, Some(parent), &parsed.items)?
        };
        self.0[parent].children.insert(name, id);
        Ok(())
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (id, module) in self.0.iter().enumerate() {
            for path in &module.uses {
                // A module that is only named imports nothing yet: the paths through it do.
                if let Some(Target::Item(target)) = self.resolve(id, path, 0)
                    && self.0[target].file != module.file
                {
                    edges.entry(module.file.clone()).or_default().insert(self.0[target].file.clone());
                }
            }
        }
        edges
    }

    /// Follows a path from a module; `None` when it leads to another crate.
    fn resolve(&self, from: ModuleId, path: &[String], depth: usize) -> Option<Target> {
        const MAX_DEPTH: usize = 16;
        if depth > MAX_DEPTH {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => Target::Module(self.0[from].parent?),
            name => self.member(from, name, depth)?,
        };
        rest.iter().try_fold(start, |target, name| match target {
            // An associated item, or a variant.
            Target::Item(module) => Some(Target::Item(module)),
            Target::Module(module) if name == "super" => self.0[module].parent.map(Target::Module),
            // What is not found is generated by a macro in that module.
            Target::Module(module) => Some(self.member(module, name, depth).unwrap_or(Target::Item(module))),
        })
    }

    fn member(&self, module: ModuleId, name: &str, depth: usize) -> Option<Target> {
        let found = &self.0[module];
        if let Some(child) = found.children.get(name) {
            return Some(Target::Module(*child));
        }
        if found.definitions.contains(name) {
            return Some(Target::Item(module));
        }
        if let Some(path) = found.imports.get(name) {
            return self.resolve(module, path, depth + 1);
        }
        found.globs.iter().find_map(|glob| {
            let Target::Module(source) = self.resolve(module, glob, depth + 1)? else { return None };
            self.member(source, name, depth + 1)
        })
    }
}

impl Module {
    fn import(&mut self, item: &ItemUse) {
        let mut paths = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut paths);
        for (name, path) in paths {
            // A re-export passes a name on and uses nothing.
            if matches!(item.vis, Visibility::Inherited) {
                self.uses.push(path.clone());
            }
            match name {
                Some(name) => drop(self.imports.insert(name, path)),
                None => self.globs.push(path),
            }
        }
    }
}

/// The paths of a `use` with the names they get; a glob has none.
fn flatten(tree: &UseTree, prefix: &mut Names, paths: &mut Vec<(Option<String>, Names)>) {
    let with = |prefix: &Names, name: String| prefix.iter().cloned().chain([name]).collect::<Names>();
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, paths);
            prefix.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, paths)),
        UseTree::Name(name) if name.ident == "self" => paths.push((prefix.last().cloned(), prefix.clone())),
        UseTree::Name(name) => paths.push((Some(name.ident.to_string()), with(prefix, name.ident.to_string()))),
        UseTree::Rename(rename) => {
            paths.push((Some(rename.rename.to_string()), with(prefix, rename.ident.to_string())));
        }
        UseTree::Glob(_) => paths.push((None, prefix.clone())),
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Collects the paths of two names and more.
struct Paths<'a>(&'a mut Vec<Names>);

impl Paths<'_> {
    /// Finds paths inside a macro's tokens, which are not parsed.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.push(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.push(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.push(&mut path);
    }

    fn push(&mut self, path: &mut Names) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.0.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.push(&mut path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }
}
