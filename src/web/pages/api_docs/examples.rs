//! A request as programs of four languages send it. Tests run them.

use serde_json::Value;
use strum::{EnumString, IntoStaticStr};

use super::literals::{GO, JAVASCRIPT, JSON, PYTHON, literal, quoted};

/// Who shows examples, in the order of the switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Language {
    /// curl in a shell.
    #[default]
    Curl,
    /// `fetch`, as browsers and Node.js have it.
    JavaScript,
    /// Its standard library.
    Python,
    /// Its standard library.
    Go,
}

impl Language {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Curl, Self::JavaScript, Self::Python, Self::Go];

    /// The value in cookie and page.
    pub(super) fn id(self) -> &'static str {
        self.into()
    }

    /// The name on the page.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Go => "Go",
        }
    }
}

/// A text with variables of the environment in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Variable(&'static str),
}

/// A request to the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExampleRequest {
    /// In capitals.
    pub(super) method: String,
    /// The whole URL.
    pub(super) url: Text,
    /// What is sent as `Authorization: Bearer`.
    pub(super) credential: Option<&'static str>,
    /// The body, as JSON.
    pub(super) body: Option<Value>,
    /// Whether the response is JSON; text otherwise, if there is any.
    pub(super) returns: Returned,
}

/// What a response holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    /// JSON.
    Json,
    /// Some other text.
    Text,
    /// No body.
    Nothing,
}

impl Text {
    /// Adds what is the same for everybody.
    pub(super) fn push(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Plain(last)) => last.push_str(text),
            _ => self.0.push(Piece::Plain(text.to_owned())),
        }
    }

    /// Adds what is read from the environment.
    pub(super) fn push_variable(&mut self, name: &'static str) {
        self.0.push(Piece::Variable(name));
    }

    fn bearer(credential: &'static str) -> Self {
        Self(vec![Piece::Plain("Bearer ".to_owned()), Piece::Variable(credential)])
    }

    /// As an expression, of quoted texts and of variables as `variable` writes them.
    fn expression(&self, variable: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Plain(text) => quoted(text),
            Piece::Variable(name) => variable(name),
        };
        self.0.iter().map(piece).collect::<Vec<_>>().join(" + ")
    }

    /// Between quotation marks of a shell.
    fn in_shell(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Variable(name) => format!("${name}"),
        };
        format!("\"{}\"", self.0.iter().map(piece).collect::<String>())
    }
}

impl ExampleRequest {
    /// In each language.
    pub(super) fn programs(&self) -> [(Language, String); 4] {
        Language::ALL.map(|language| (language, self.program(language)))
    }

    /// The program.
    pub(super) fn program(&self, language: Language) -> String {
        match language {
            Language::Curl => self.curl(),
            Language::JavaScript => self.javascript(),
            Language::Python => self.python(),
            Language::Go => self.go(),
        }
    }

    fn curl(&self) -> String {
        let mut lines = vec![match (self.method.as_str(), &self.body) {
            ("GET", None) | ("POST", Some(_)) => format!("curl {}", self.url.in_shell()),
            (method, _) => format!("curl -X {method} {}", self.url.in_shell()),
        }];
        if let Some(credential) = self.credential {
            lines.push(format!("-H \"Authorization: Bearer ${credential}\""));
        }
        if let Some(body) = &self.body {
            lines.push("-H \"Content-Type: application/json\"".to_owned());
            lines.push(format!("-d '{}'", literal(body, &JSON, 1).replace('\'', r"'\''")));
        }
        lines.join(" \\\n  ")
    }

    fn javascript(&self) -> String {
        let variable = |name: &str| format!("process.env.{name}");
        let url = self.url.expression(variable);
        let mut options = Vec::new();
        if self.method != "GET" {
            options.push(format!("  method: {},\n", quoted(&self.method)));
        }
        let mut headers = Vec::new();
        if let Some(credential) = self.credential {
            headers
                .push(format!("    \"Authorization\": {},\n", Text::bearer(credential).expression(variable)));
        }
        if let Some(body) = &self.body {
            headers.push("    \"Content-Type\": \"application/json\",\n".to_owned());
            options.push(format!("  headers: {{\n{}  }},\n", headers.concat()));
            options.push(format!("  body: JSON.stringify({}),\n", literal(body, &JAVASCRIPT, 1)));
        } else if !headers.is_empty() {
            options.push(format!("  headers: {{\n{}  }},\n", headers.concat()));
        }
        let options =
            if options.is_empty() { String::new() } else { format!(", {{\n{}}}", options.concat()) };
        let result = match self.returns {
            Returned::Json => "await response.json()",
            Returned::Text => "await response.text()",
            Returned::Nothing => "response.status",
        };
        format!(
            "const response = await fetch({url}{options});\n\
             if (!response.ok) throw new Error(await response.text());\nconsole.log({result});"
        )
    }

    fn python(&self) -> String {
        let variable = |name: &str| format!("os.environ[\"{name}\"]");
        let url = self.url.expression(variable);
        let mut arguments = vec![format!("    {url},\n")];
        if self.method != "GET" {
            arguments.push(format!("    method={},\n", quoted(&self.method)));
        }
        let mut headers = Vec::new();
        if let Some(credential) = self.credential {
            headers.push(format!(
                "        \"Authorization\": {},\n",
                Text::bearer(credential).expression(variable)
            ));
        }
        if self.body.is_some() {
            headers.push("        \"Content-Type\": \"application/json\",\n".to_owned());
        }
        if !headers.is_empty() {
            arguments.push(format!("    headers={{\n{}    }},\n", headers.concat()));
        }
        if let Some(body) = &self.body {
            arguments.push(format!("    data=json.dumps({}).encode(),\n", literal(body, &PYTHON, 1)));
        }
        let uses_variables =
            self.credential.is_some() || self.url.0.iter().any(|piece| matches!(piece, Piece::Variable(_)));
        let uses_json = self.body.is_some() || self.returns == Returned::Json;
        let modules = [(uses_json, "import json\n"), (uses_variables, "import os\n")];
        let modules: String = modules.iter().filter(|(used, _)| *used).map(|(_, line)| *line).collect();
        let result = match self.returns {
            Returned::Json => "json.load(response)",
            Returned::Text => "response.read().decode()",
            Returned::Nothing => "response.status",
        };
        format!(
            "{modules}from urllib.request import Request, urlopen\n\nrequest = Request(\n{})\n\
             with urlopen(request) as response:\n    print({result})",
            arguments.concat()
        )
    }

    fn go(&self) -> String {
        const FAILS: &str = "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n";
        let variable = |name: &str| format!("os.Getenv(\"{name}\")");
        let mut lines = String::new();
        let body = match &self.body {
            Some(body) => {
                lines += &format!("\tbody, err := json.Marshal({})\n{FAILS}", literal(body, &GO, 1));
                "bytes.NewReader(body)"
            }
            None => "nil",
        };
        lines += &format!("\turl := {}\n", self.url.expression(variable));
        lines +=
            &format!("\trequest, err := http.NewRequest({}, url, {body})\n{FAILS}", quoted(&self.method));
        if let Some(credential) = self.credential {
            let bearer = Text::bearer(credential).expression(variable).replace(" + ", "+");
            lines += &format!("\trequest.Header.Set(\"Authorization\", {bearer})\n");
        }
        if self.body.is_some() {
            lines += "\trequest.Header.Set(\"Content-Type\", \"application/json\")\n";
        }
        lines += &format!("\tresponse, err := http.DefaultClient.Do(request)\n{FAILS}");
        lines += "\tdefer response.Body.Close()\n";
        lines += &format!("\ttext, err := io.ReadAll(response.Body)\n{FAILS}");
        lines += "\tif response.StatusCode >= 400 {\n\t\tlog.Fatal(string(text))\n\t}\n";
        lines += match self.returns {
            Returned::Nothing => "\tfmt.Println(response.Status)\n",
            _ => "\tfmt.Println(string(text))\n",
        };
        let uses_variables = lines.contains("os.Getenv");
        let modules = [
            (self.body.is_some(), "bytes"),
            (self.body.is_some(), "encoding/json"),
            (true, "fmt"),
            (true, "io"),
            (true, "log"),
            (true, "net/http"),
            (uses_variables, "os"),
        ];
        let modules = modules.iter().filter(|(used, _)| *used);
        let modules: String = modules.map(|(_, module)| format!("\t\"{module}\"\n")).collect();
        format!("package main\n\nimport (\n{modules})\n\nfunc main() {{\n{lines}}}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> ExampleRequest {
        let mut url = Text::default();
        url.push("https://keys.example.com/api/v2/organizations/");
        url.push_variable("ORGANIZATION");
        url.push("/keys");
        ExampleRequest {
            method: "POST".into(),
            url,
            credential: Some("TESSERA_TOKEN"),
            body: Some(
                json!({ "name": "Dana's “key”", "scopes": ["a:b"], "metadata": null, "rate": { "per": 1 } }),
            ),
            returns: Returned::Json,
        }
    }

    #[test]
    fn a_shell_reads_the_body_as_it_is() {
        let lines: Vec<String> = request().program(Language::Curl).lines().map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                r#"curl "https://keys.example.com/api/v2/organizations/$ORGANIZATION/keys" \"#,
                r#"  -H "Authorization: Bearer $TESSERA_TOKEN" \"#,
                r#"  -H "Content-Type: application/json" \"#,
                r"  -d '{",
                r#"    "name": "Dana'\''s “key”","#,
                r#"    "scopes": ["a:b"],"#,
                r#"    "metadata": null,"#,
                r#"    "rate": {"#,
                r#"      "per": 1"#,
                r"    }",
                r"  }'",
            ]
        );
    }

    #[test]
    fn each_language_writes_values_in_its_own_words() {
        let python = request().program(Language::Python);
        assert!(python.contains("        \"metadata\": None,\n"), "{python}");
        let go = request().program(Language::Go);
        assert!(
            go.contains("\t\t\"name\":     \"Dana's “key”\",\n\t\t\"scopes\":   []any{\"a:b\"},\n"),
            "{go}"
        );
        assert!(go.contains("\t\t\"rate\": map[string]any{\n\t\t\t\"per\": 1,\n\t\t},\n"), "{go}");
        let javascript = request().program(Language::JavaScript);
        assert!(
            javascript
                .contains("organizations/\" + process.env.ORGANIZATION + \"/keys\", {\n  method: \"POST\","),
            "{javascript}"
        );
    }

    #[test]
    fn what_is_not_used_is_not_there() {
        let mut url = Text::default();
        url.push("https://keys.example.com/api/v2/openapi.json");
        let request = ExampleRequest {
            method: "GET".into(),
            url,
            credential: None,
            body: None,
            returns: Returned::Nothing,
        };
        assert_eq!(request.program(Language::Curl), r#"curl "https://keys.example.com/api/v2/openapi.json""#);
        assert!(!request.program(Language::Python).contains("import json"));
        assert!(!request.program(Language::Go).contains("\"os\""));
        assert!(request.program(Language::JavaScript).starts_with("const response = await fetch(\"https"));
    }
}
