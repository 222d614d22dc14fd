//! Tests of the exchange files and of the curl commands in them.

use super::{Exchanges, Request};

#[test]
fn commands_directives_and_expected_statuses_are_read() {
    let text = "# a comment\n% reached 8080 is 80\n% flags --label app=x\n\n\
        $ curl -I http://localhost:8080/productpage\nHTTP/1.1 200 OK\nserver: istio-envoy\n\n\
        $ curl -i http://localhost/\nHTTP/1.1 404 Not Found\n";
    let all = Exchanges::parse(text).unwrap();
    assert_eq!(all.flags, ["--label", "app=x"]);
    assert_eq!(all.gateway_port(8080), 80);
    assert_eq!(all.gateway_port(9080), 9080);
    assert_eq!(all.list.iter().map(|e| e.status).collect::<Vec<_>>(), [Some(200), Some(404)]);
    assert_eq!(all.list[0].request.method, "HEAD");
}

#[test]
fn a_line_that_is_not_understood_is_named() {
    let error = Exchanges::parse("\n$ wget http://a/\n").unwrap_err();
    assert!(error.starts_with("line 2: "), "{error}");
    assert!(Exchanges::parse("% colour red").is_err());
    assert!(Exchanges::parse("$ curl --http3 http://a/").is_err());
}

#[test]
fn curl_flags_may_be_glued_to_their_values_and_quoted() {
    let request =
        Request::from_curl("curl -i -HHost:a.b -H 'x-y: z w' -XPUT http://127.0.0.1:1/p?q=1")
            .unwrap();
    assert_eq!(request.method, "PUT");
    assert_eq!(request.port, 1);
    assert_eq!(request.target, "/p?q=1");
    let headers = [("Host".to_owned(), "a.b".to_owned()), ("x-y".to_owned(), "z w".to_owned())];
    assert_eq!(request.headers, headers);
    assert_eq!(request.authority(8080), "a.b");
}

#[test]
fn a_command_is_rewritten_for_the_port_of_this_machine() {
    let local = Request::from_curl("curl -I http://localhost:8080/productpage").unwrap();
    assert_eq!(local.curl(9000), "curl -I http://localhost:9000/productpage");
    assert_eq!(local.authority(9000), "localhost:9000");
    let named = Request::from_curl("curl -i http://uk.bookinfo.com/a?b=c").unwrap();
    let expected = "curl -i -H 'Host: uk.bookinfo.com' 'http://127.0.0.1:9000/a?b=c'";
    assert_eq!(named.curl(9000), expected);
    assert_eq!(named.authority(9000), "uk.bookinfo.com");
}

#[test]
fn a_body_makes_it_a_post() {
    let request = Request::from_curl("curl -d a=b http://127.0.0.1").unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/"));
    assert_eq!(request.curl(1), "curl -i -d 'a=b' http://127.0.0.1:1/");
}
