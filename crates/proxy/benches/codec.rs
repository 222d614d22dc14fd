//! What the HTTP/1 codec costs for heads as browsers and backends send them, and for chunks.

use divan::{Bencher, black_box};
use propylon_proxy::http1::{Framing, LineShelf, Method, RequestHead, ResponseHead, Version, emit};

fn main() {
    divan::main();
}

/// As Chrome sends it, about 600 bytes.
const BROWSER: &[u8] = b"GET /productpage?u=normal HTTP/1.1\r\n\
Host: bookinfo.example.com\r\n\
Connection: keep-alive\r\n\
sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n\
sec-ch-ua-mobile: ?0\r\n\
sec-ch-ua-platform: \"Linux\"\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Sec-Fetch-Site: none\r\n\
Sec-Fetch-Mode: navigate\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9\r\n\
Cookie: session=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9; theme=dark\r\n\r\n";

const SMALL: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: h\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\n\
Date: Sat, 21 Nov 2026 08:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\n\
Content-Length: 4183\r\n\r\n";

#[divan::bench]
fn parse_small_request(bencher: Bencher<'_, '_>) {
    parse_request(bencher, SMALL);
}

#[divan::bench]
fn parse_browser_request(bencher: Bencher<'_, '_>) {
    parse_request(bencher, BROWSER);
}

fn parse_request(bencher: Bencher<'_, '_>, head: &[u8]) {
    let mut buf = head.to_vec();
    let mut index = RequestHead::new();
    bencher.bench_local(|| index.parse(black_box(&mut buf)));
}

#[divan::bench]
fn parse_and_forward_request(bencher: Bencher<'_, '_>) {
    let mut buf = BROWSER.to_vec();
    let mut index = RequestHead::new();
    let mut shelf = LineShelf::default();
    let mut out = Vec::with_capacity(4096);
    bencher.bench_local(|| {
        let outcome = index.parse(black_box(&mut buf));
        let mut lines = shelf.take();
        index.lines().fill(&buf, &mut lines);
        black_box(&lines);
        shelf.put(lines);
        out.clear();
        let method = index.method().as_str();
        emit::write_request_line(&mut out, method, index.path(&buf), index.query(&buf));
        emit::write_line(&mut out, "host", index.authority(&buf).as_bytes());
        for line in index.lines().forwarded(&buf) {
            emit::write_line(&mut out, line.line.name, line.line.value);
        }
        emit::write_framing(&mut out, index.framing_line());
        emit::end_head(&mut out);
        black_box(&out);
        outcome
    });
}

#[divan::bench]
fn parse_and_forward_response(bencher: Bencher<'_, '_>) {
    let mut buf = RESPONSE.to_vec();
    let mut index = ResponseHead::new();
    let mut out = Vec::with_capacity(4096);
    bencher.bench_local(|| {
        let outcome = index.parse(black_box(&mut buf));
        out.clear();
        emit::write_status_line(&mut out, Version::Http11, index.status());
        for line in index.lines().forwarded(&buf) {
            emit::write_line(&mut out, line.line.name, line.line.value);
        }
        emit::write_framing(&mut out, index.framing_line(Method::Get));
        emit::end_head(&mut out);
        black_box(&out);
        outcome
    });
}

#[divan::bench]
fn scan_sixteen_chunks_of_four_kib(bencher: Bencher<'_, '_>) {
    let mut body = Vec::new();
    for _ in 0..16 {
        emit::write_chunk(&mut body, &[b'x'; 4096]);
    }
    body.extend_from_slice(emit::CHUNKED_END);
    bencher.bench_local(|| Framing::chunked().take(black_box(&body)));
}
