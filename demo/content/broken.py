r"""Mail as it should not be, as (text, account). `@DATE@` is a date; text is latin-1, so "\xfc" is a raw octet."""

BROKEN: tuple[tuple[str, str], ...] = (
    (
        # a charset that nobody knows
        "From: Old Gateway <gateway@legacy.example>\nTo: alice@ims.example\nSubject: Status der \xdcbertragung\n"
        "Date: @DATE@\nMessage-ID: <broken-1@legacy.example>\nMIME-Version: 1.0\n"
        'Content-Type: text/plain; charset="x-unknown-437"\nContent-Transfer-Encoding: 8bit\n\n'
        "Die \xdcbertragung von 14 Dateien ist abgeschlossen, zwei \xfcbersprungen.\n",
        "alice",
    ),
    (
        # cut off in the middle of an attachment
        "From: Scanner 2nd floor <scanner@ims.example>\nTo: bob@ims.example\nSubject: Scan from device\n"
        "Date: @DATE@\nMessage-ID: <broken-2@ims.example>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="scan"\n\n--scan\nContent-Type: text/plain\n\n'
        "Your scan is attached.\n\n--scan\nContent-Type: application/pdf\n"
        'Content-Disposition: attachment; filename="scan0042.pdf"\nContent-Transfer-Encoding: base64\n\n'
        "JVBERi0xLjQKMSAwIG9iago8PCAvVHlwZSAvQ2F0YWxvZyAvUGFnZXMgMiAwIFI",
        "bob",
    ),
    (
        # no header fields at all
        "\nThe freezer in B-016 is at -12 degrees and rising.\nThis message was sent by the freezer.\n",
        "charlie",
    ),
    (
        # declared as base64, written as text
        "From: Newsletter <news@half-done.example>\nTo: alice@ims.example\nSubject: =?utf-8?Q?50=_off?=\n"
        "Date: @DATE@\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n"
        "Content-Transfer-Encoding: base64\n\n<html><body><p>This was never encoded!</p></body></html>\n",
        "alice",
    ),
    (
        # the parts use another boundary than the header says
        "From: Zeiterfassung <zeit@ims.example>\nTo: alice@ims.example\nSubject: Monatsabschluss\nDate: @DATE@\n"
        'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="AAA"\n\n--BBB\nContent-Type: text/plain\n\n'
        "Ihr Monat ist abgeschlossen.\n--BBB--\n",
        "alice",
    ),
    (
        # a date from nowhere, two senders, no subject
        "From: one@legacy.example\nFrom: Two <two@legacy.example>\nTo: undisclosed-recipients:;\n"
        "Date: Wed, 31 Feb 2099 25:61:00 +9999\nMessage-ID: broken-6\n\nWho wrote this, and when?\n",
        "alice",
    ),
    (
        # a character split between two encoded words, and an unfinished one
        "From: =?utf-8?B?0JDQudCz0LXRgNC4?= =?utf-8?B?0Lw=?= <a.tokoeva@glacier.example>\nTo: alice@ims.example\n"
        "Subject: =?utf-8?B?0KHQvdC1?= =?utf-8?B?0LMg0Lg=?= =?utf-8?Q?_=D0?= =?utf-8?Q?=BB=D0=B5=D0=B4?= =?utf-8?B?0\n"
        "Date: @DATE@\n\n(no text)\n",
        "alice",
    ),
    (
        # HTML that never closes anything
        "From: Webform <form@ims.example>\nTo: charlie@ims.example\nSubject: Contact form: question\n"
        "Date: @DATE@\nMIME-Version: 1.0\nContent-Type: text/html\n\n"
        "<table><tr><td><b>Name<td>M. Muster<tr><td><b>Question<td>When are you open? <i>Thanks<ul><li>on Sunday?\n",
        "charlie",
    ),
    (
        # an attachment without a name, of a type that is none
        "From: Lab 3 <lab3@ims.example>\nTo: bob@ims.example\nSubject: results\nDate: @DATE@\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text\n\nsee attachment\n--x\n"
        "Content-Type: ;;;\nContent-Disposition: attachment; filename=\n\n1;2;3\n--x--\n",
        "bob",
    ),
    (
        # uuencode, as in 1993
        "From: Robot <robot@legacy.example>\nTo: alice@ims.example\nSubject: begin 644 hello.txt\nDate: @DATE@\n\n"
        'Your file:\n\nbegin 644 hello.txt\n92&5L;&\\@9G)O;2!T:&4@;VQD(&1A>7,N"@``\n`\nend\n',
        "alice",
    ),
)
