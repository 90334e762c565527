//! What templates do with an address before it goes out.

use std::{any::Any, fmt};

use askama::{FastWritable, Values};

use crate::config::BasePath;

/// What a path is called among the values of a rendering.
const BASE_PATH: &str = "base path";

/// A template is rendered with the path of the server that it is rendered for.
impl Values for BasePath {
    fn get_value<'a>(&'a self, key: &str) -> Option<&'a dyn Any> {
        (key == BASE_PATH).then_some(self as &dyn Any)
    }
}

/// `{{ "/orgs"|link }}`: the address of one of our pages or files, as a browser is to ask for it.
///
/// A template that is rendered without a path fails, so none can be forgotten.
#[askama::filter_fn]
pub fn link<'a, T: fmt::Display>(path: T, values: &'a dyn Values) -> askama::Result<Link<'a, T>> {
    Ok(Link { base: askama::get_value(values, BASE_PATH)?, path })
}

/// An address with what stands in front.
pub struct Link<'a, T> {
    base: &'a BasePath,
    path: T,
}

impl<T: fmt::Display> fmt::Display for Link<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.base, self.path)
    }
}

impl<T: FastWritable> FastWritable for Link<'_, T> {
    fn write_into(&self, destination: &mut dyn fmt::Write, values: &dyn Values) -> askama::Result<()> {
        destination.write_str(self.base.as_str())?;
        self.path.write_into(destination, values)
    }
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::*;
    use crate::{config::ServerUrl, web::filters};

    #[derive(Template)]
    #[template(source = "<a href=\"{{ url|link }}\"><img src=\"{{ \"/static/a\"|link }}#b\">", ext = "html")]
    struct Linked {
        url: String,
    }

    #[test]
    fn links_begin_with_the_path_and_are_escaped() {
        let template = Linked { url: "/orgs?q=\"&a".to_owned() };
        let url = ServerUrl::parse("https://example.com/keys").unwrap();
        let html = template.render_with_values(url.base_path()).unwrap();
        assert_eq!(html, "<a href=\"/keys/orgs?q=&#34;&#38;a\"><img src=\"/keys/static/a#b\">");
        let html = template.render_with_values(&BasePath::default()).unwrap();
        assert_eq!(html, "<a href=\"/orgs?q=&#34;&#38;a\"><img src=\"/static/a#b\">");
        assert!(template.render().is_err(), "a path that was forgotten");
    }
}
