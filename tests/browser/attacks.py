"""Texts that try to run a script, to ask another server for something, or to forge the page.

A script sets `window.attacked`; a request goes to port 9 of this machine, where nobody listens.
"""

from __future__ import annotations

__all__ = ["ATTACKS", "NAMES", "TARGET"]

TARGET = "http://127.0.0.1:9/"

_RUN = "window.attacked=1"

_SCRIPTS = (
    f"<script>{_RUN}</script>",
    f"<SCRIPT>{_RUN}</SCRIPT\n>",
    f"</script><script>{_RUN}</script>",
    f"</title><script>{_RUN}</script>",
    f"</textarea><script>{_RUN}</script>",
    f"</style><script>{_RUN}</script>",
    f"</noscript><script>{_RUN}</script>",
    f"--><script>{_RUN}</script><!--",
    f"]]><script>{_RUN}</script>",
    f'"><script>{_RUN}</script>',
    f"'><script>{_RUN}</script>",
    f"<scr<script>ipt>{_RUN}</scr</script>ipt>",
    f"<script\x0c>{_RUN}</script>",
    f'<script src="{TARGET}outer.js"></script>',
    f'<script type="module">import "{TARGET}module.js"</script>',
    '<script src="data:text/javascript,window.attacked=1"></script>',
    f"<svg><script>{_RUN}</script></svg>",
    f"<math><script>{_RUN}</script></math>",
    f"<template><script>{_RUN}</script></template><img src=x onerror={_RUN}>",
    f"<!-- <img --><script>{_RUN}</script>",
)

_HANDLERS = (
    f"<img src=x onerror={_RUN}>",
    f'<img src=x onerror="{_RUN}" alt="a cat">',
    f"<IMG/SRC=x/ONERROR={_RUN}>",
    f"<img src=x\tonerror\n=\n'{_RUN}'>",
    f'"onfocus="{_RUN}" autofocus="" tabindex="0" x="',
    f"' onmouseover='{_RUN}' style='position:fixed;inset:0' x='",
    f"<svg onload={_RUN}>",
    f"<svg><animate onbegin={_RUN} attributeName=x dur=1s>",
    f"<body onload={_RUN}>",
    f"<input autofocus onfocus={_RUN}>",
    f"<details open ontoggle={_RUN}>",
    f"<video><source onerror={_RUN}></video>",
    f"<audio src=x onerror={_RUN}></audio>",
    f"<style onload={_RUN}>p{{color:red}}</style>",
    f"<p style='animation:x 1s' onanimationstart={_RUN}>moving</p><style>@keyframes x{{}}</style>",
    f"<select autofocus onfocus={_RUN}><option>x</select>",
    f"<iframe onload={_RUN}></iframe>",
    f"<object data=x onerror={_RUN}></object>",
)

_NESTED = (
    f'<noscript><p title="</noscript><img src=x onerror={_RUN}>">',
    "<math><mtext><table><mglyph><style><!--</style>"
    f'<img title="--&gt;&lt;img src=x onerror={_RUN}&gt;">',
    f"<svg><style><img src='</style><img src=x onerror={_RUN}>'></svg>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={_RUN}>",
    f"<a title='<!--'><b title='--><img src=x onerror={_RUN}>'>",
    f"&lt;img src=x onerror={_RUN}&gt; &#60;script&#62;{_RUN}&#60;/script&#62;",
    f'<xmp><p title="</xmp><img src=x onerror={_RUN}>">',
    f'<iframe srcdoc="<script>parent.{_RUN}</script>"></iframe>',
)

_LEAKS = (
    f"![chart]({TARGET}pixel.png)",
    f"![chart][1]\n\n[1]: {TARGET}reference.png",
    f'<img src="{TARGET}pixel.png" srcset="{TARGET}twice.png 2x">',
    "<img src=//127.0.0.1:9/relative.png>",
    f'<link rel="stylesheet" href="{TARGET}style.css">',
    f'<link rel="prefetch" href="{TARGET}next"><link rel="dns-prefetch" href="{TARGET}">',
    f"<style>@import '{TARGET}import.css';</style>",
    f"<style>body{{background:url({TARGET}background.png)}}</style>",
    f'<p style="background-image:url({TARGET}inline.png)">styled</p>',
    f'<video poster="{TARGET}poster.png" src="{TARGET}film.mp4" autoplay></video>',
    f'<iframe src="{TARGET}frame"></iframe>',
    f'<object data="{TARGET}object"></object><embed src="{TARGET}embed">',
    f'<input type="image" src="{TARGET}button.png">',
    f'<meta http-equiv="refresh" content="0;url={TARGET}moved">',
    f'<base href="{TARGET}"><img src="based.png">',
    f'<svg><image href="{TARGET}image.svg" /><use href="{TARGET}use.svg#a" /></svg>',
    f'<table background="{TARGET}table.png"><tr><td>cell</td></tr></table>',
    f"<img src='{TARGET}dangling?",
    f'<audio autoplay src="{TARGET}sound.ogg"></audio>',
)

_LINKS = (
    f"[click me](javascript:{_RUN})",
    f"[click me](JaVa&#x09;ScRiPt:{_RUN})",
    f"[click me](<java\tscript:{_RUN}>)",
    f"[click me](vbscript:{_RUN})",
    "[click me](data:text/html;base64,PHNjcmlwdD53aW5kb3cuYXR0YWNrZWQ9MTwvc2NyaXB0Pg==)",
    f"<javascript:{_RUN}>",
    f'[click me]({TARGET} "title\\" onmouseover=\\"{_RUN}")',
    f'<a href="javascript:{_RUN}" target="_blank">click me</a>',
    f'<a href="/undo" ping="{TARGET}ping" download>click me</a>',
    f'<form action="javascript:{_RUN}"><button>click me</button></form>',
    f"<svg><a xlink:href='javascript:{_RUN}'><text y=9>click me</text></a></svg>",
)

_FORGED = (
    '</div></section></form></main><form id="vote" class="vote" action="http://127.0.0.1:9/vote">',
    '<input type="hidden" name="ticket" value="forged"><input name="action"><input name="form">',
    '<main id="desk"><div class="nag">You are done.</div></main>',
    '<button class="verdict-button" name="verdict" value="a"><kbd>1</kbd> A better</button>',
    '<img name="getElementById"><form name="querySelector"></form><a id="undo"></a>',
    '<div style="position:fixed;inset:0;background:#fff;z-index:9999">Log in again</div>',
    '<label for="undo">read more</label><input form="vote" name="comment" value="forged">',
    "{{ 7 * 7 }} {% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "${window.attacked=1} #{7*7} <%= 7 * 7 %> `${window.attacked=1}`",
)

_CODE = (
    f"```html\n</code></pre><img src=x onerror={_RUN}>\n```",
    f'```"><img/src=x/onerror={_RUN}>\ntext\n```',
    f"`</code><img src=x onerror={_RUN}>`",
    f"|a|b|\n|-|-|\n|<img src=x onerror={_RUN}>|</td></table><script>{_RUN}</script>|",
    f"# <img src=x onerror={_RUN}>\n\n> - <svg onload={_RUN}>",
    f"x\u2028<img src=x onerror={_RUN}>\u2029\u202egnp.tac\u202c\u200b\u00ad",
    f"\ue00041\ue001<img src=x onerror={_RUN}>\ue0003C\ue001",
    f"\ufeff+ADw-script+AD4-{_RUN}+ADw-/script+AD4- \uff1cscript\uff1e{_RUN}\uff1c/script\uff1e",
)

ATTACKS = (*_SCRIPTS, *_HANDLERS, *_NESTED, *_LEAKS, *_LINKS, *_FORGED, *_CODE)
"""For any text: a prompt, an answer, a criterion, a comment, a tag, a guideline."""

NAMES = (
    f"<img/src=x/onerror={_RUN}>",
    f"\"onmouseover=\"{_RUN}",
    f"</option><script>{_RUN}</script>",
    "=HYPERLINK(\"http://127.0.0.1:9/\")",
    "javascript:window.attacked=1",
)  # fmt: skip
"""For who is named: annotators and models."""
