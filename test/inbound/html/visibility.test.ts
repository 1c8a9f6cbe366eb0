/** What a person sees of HTML, and what not: the techniques by which text is hidden, and what honest letters do that looks like them. */
import { describe, expect, it } from 'vitest'
import { readHtml } from '../../../server/inbound/html/read-html.ts'

const hidden: [by: string, html: string][] = [
  ['attribute', '<p hidden>secret</p>Visible'],
  ['attribute', '<dialog>secret</dialog>Visible'],
  ['attribute', '<div popover>secret</div>Visible'],
  ['display', '<div style="color:red; display : none">secret</div>Visible'],
  ['display', '<div style="DISPLAY:NONE !important;display:block">secret</div>Visible'],
  ['display', '<div style="disp\\6c ay:n\\6fne">secret</div>Visible'],
  ['display', '<span style="mso-hide:all">secret</span>Visible'],
  ['display', '<table style="display:none"><tr><td><a href="https://x.test">secret</a></td></tr></table>Visible'],
  ['display', '<div style="display:none"><table><tr><td></div>secret</td></tr></table></div>Visible'],
  ['display', '<div style="background:url(a;b.png);display:none">secret</div>Visible'],
  ['display', '<div style="content-visibility:hidden">secret</div>Visible'],
  ['visibility', '<span style="visibility:hidden">secret</span>Visible'],
  ['visibility', '<div style="visibility:hidden">secret<b style="visibility:visible">Visible</b></div>'],
  ['opacity', '<span style="opacity:0">secret</span>Visible'],
  ['opacity', '<span style="opacity:.05">secret</span>Visible'],
  ['opacity', '<span style="filter:alpha(opacity=0)">secret</span>Visible'],
  ['opacity', '<span style="filter:opacity(0%)">secret</span>Visible'],
  ['size', '<span style="font-size:0px">secret</span>Visible'],
  ['size', '<span style="font-size:1px">secret</span>Visible'],
  ['size', '<span style="font-size:0.1em">secret</span>Visible'],
  ['size', '<span style="font:0/0 a">secret</span>Visible'],
  ['size', '<div style="font-size:1pt">secret<span style="font-size:14px">Visible</span></div>'],
  ['size', '<div style="font-size:10%">secret</div>Visible'],
  ['colour', '<span style="color:#fff">secret</span>Visible'],
  ['colour', '<span style="color:#FEFEFE">secret</span>Visible'],
  ['colour', '<span style="color:rgb(250, 250, 250)">secret</span>Visible'],
  ['colour', '<span style="color:hsl(0 0% 99%)">secret</span>Visible'],
  ['colour', '<span style="color:snow">secret</span>Visible'],
  ['colour', '<span style="color:transparent">secret</span>Visible'],
  ['colour', '<span style="color:rgba(0,0,0,0.02)">secret</span>Visible'],
  ['colour', '<span style="-webkit-text-fill-color:transparent">secret</span>Visible'],
  ['colour', '<font color=white>secret</font>Visible'],
  ['colour', '<font color=ffffff>secret</font>Visible'],
  ['colour', '<body bgcolor=black text=white>Visible<font color="#000001">secret</font>'],
  ['colour', '<table bgcolor="#336699"><tr><td style="color:#369">secret</td></tr></table>Visible'],
  ['colour', '<div style="color:#fff">secret<span style="background:#000">Visible</span></div>'],
  ['position', '<div style="position:absolute;left:-9999px">secret</div>Visible'],
  ['position', '<div style="position:fixed; top:-200em">secret</div>Visible'],
  ['position', '<div style="text-indent:-9999px">secret</div>Visible'],
  ['position', '<div style="margin-left:-9999px">secret</div>Visible'],
  ['position', '<div style="transform:translateX(-5000px)">secret</div>Visible'],
  ['position', '<div style="transform:scale(0)">secret</div>Visible'],
  ['clipping', '<div style="max-height:0;overflow:hidden">secret</div>Visible'],
  ['clipping', '<div style="width:1px;height:1px;overflow:hidden">secret</div>Visible'],
  ['clipping', '<div style="position:absolute;clip:rect(0,0,0,0)">secret</div>Visible'],
  ['clipping', '<div style="clip-path:inset(50%)">secret</div>Visible'],
  ['display', '<div style="display:/* shown */none">secret</div>Visible'],
  ['display', '<div style="display:none;display:shown">secret</div>Visible'],
  ['display', '<div style="display&#58;none">secret</div>Visible'],
  ['visibility', '<div style="visibility:hidden;visibility:seen">secret</div>Visible'],
  ['size', '<div style="letter-spacing:-1em">secret</div>Visible'],
  ['clipping', '<div style="height:0;overflow:auto">secret</div>Visible'],
  ['clipping', '<div style="height:0;height:tall;overflow-y:scroll">secret</div>Visible'],
  // By themselves or in other words
  ['position', '<div style="scale:0">secret</div>Visible'],
  ['position', '<div style="scale:1 0%">secret</div>Visible'],
  ['position', '<div style="transform:scale(1,0)">secret</div>Visible'],
  ['position', '<div style="transform:matrix(0,0,0,0,0,0)">secret</div>Visible'],
  ['position', '<div style="transform:rotateX(90deg)">secret</div>Visible'],
  ['position', '<div style="translate:-9999px">secret</div>Visible'],
  ['position', '<div style="translate:0 -200vw">secret</div>Visible'],
  ['position', '<div style="position:absolute;inset:-9999px auto auto">secret</div>Visible'],
  ['position', '<div style="position:absolute;inset-inline-start:-9999px">secret</div>Visible'],
  ['position', '<div style="zoom:.01">secret</div>Visible'],
  ['position', '<div style="text-indent:calc(-1 * 9999px)">secret</div>Visible'],
  ['clipping', '<div style="text-indent:100%;white-space:nowrap;overflow:hidden">secret</div>Visible'],
  ['clipping', '<div style="line-height:0;overflow:hidden">secret</div>Visible'],
  ['clipping', '<div style="block-size:0;overflow:hidden">secret</div>Visible'],
  ['clipping', '<div style="height:min(0px,1em);overflow:hidden">secret</div>Visible'],
  ['clipping', '<div style="clip-path:inset(0 0 100% 0)">secret</div>Visible'],
  ['clipping', '<div style="clip-path:polygon(0 0,0 0,0 0)">secret</div>Visible'],
  ['clipping', '<div style="clip-path:circle(0px at 50% 50%)">secret</div>Visible'],
  ['clipping', '<div style="-webkit-mask-image:linear-gradient(transparent,transparent)">secret</div>Visible'],
  ['clipping', '<div style="mask:linear-gradient(#0000,rgb(0 0 0/0))">secret</div>Visible'],
  ['size', '<span style="font-size:calc(0px)">secret</span>Visible'],
  ['size', '<span style="font-size:calc((1em - 1em) * 3)">secret</span>Visible'],
  ['size', '<span style="font-size:.01vw">secret</span>Visible'],
  ['size', '<span style="font-size:1Q">secret</span>Visible'],
  ['size', '<span style="font-size:clamp(0px,1px,2px)">secret</span>Visible'],
  ['opacity', '<div style="opacity:.3"><div style="opacity:.3"><span style="opacity:.3">secret</span></div></div>Visible'],
  ['opacity', '<div style="opacity:calc(0)">secret</div>Visible'],
  ['opacity', '<div style="filter:blur(40px)">secret</div>Visible'],
  ['opacity', '<div style="filter:opacity(.2) opacity(.2)">secret</div>Visible'],
  ['colour', '<div style="opacity:.2;color:#ccc">secret</div>Visible'],
  ['colour', '<span style="color:rgb(0 0 0 / 0%)">secret</span>Visible'],
  ['colour', '<span style="color:oklch(100% 0 0)">secret</span>Visible'],
  ['colour', '<span style="color:oklab(1 0 0)">secret</span>Visible'],
  ['colour', '<span style="color:lab(100% 0 0)">secret</span>Visible'],
  ['colour', '<span style="color:lch(99% 1 20)">secret</span>Visible'],
  ['colour', '<span style="color:hwb(0 100% 0%)">secret</span>Visible'],
  ['colour', '<span style="color:color(srgb 1 1 1)">secret</span>Visible'],
  ['colour', '<span style="color:color(display-p3 1 1 1 / 1)">secret</span>Visible'],
  ['colour', '<span style="color:canvas">secret</span>Visible'],
  ['colour', '<div style="background:oklch(45% 0.313 264)"><p style="color:#00f">secret</p></div>Visible'],
  ['colour', '<div style="-webkit-text-fill-color:transparent"><b style="color:#000">secret</b></div>Visible'],
  ['colour', '<div style="background:url(a.png);color:transparent">secret</div>Visible'],
  ['colour', '<div style="background:#fff;-webkit-background-clip:text;color:transparent">secret</div>Visible'],
  // Of an invalid declaration nothing applies, so what was said before stands.
  ['opacity', '<span style="opacity:0;opacity:1 foo">secret</span>Visible'],
  ['colour', '<span style="color:#fff;color:black foo;background:black foo">secret</span>Visible'],
  ['clipping', '<div style="height:0;overflow:hidden;overflow:visible foo">secret</div>Visible'],
  // Style sheets
  ['display', '<style>@media not print{.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@media all{.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@media (width>=1px) and (not (width<2px)){.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@media (1px<width<9999px) or (monochrome){.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@media (hover:hover){.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@supports (display:grid){.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@supports not (display:flub){.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@supports (gap:1px) and (not (color:foo)){@media all{.x{display:none}}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>:is(.x,.y){display:none}</style><p class=x>secret</p>Visible'],
  ['display', '<style>p:where(.x, #y){display:none}</style><p class=x>secret</p>Visible'],
  ['display', '<style>div :is(:unknown,.x){display:none}</style><div><p class=x>secret</p></div>Visible'],
  ['display', '<style>p:not(.y){display:none}</style><p class=x>secret</p>Visible'],
  ['display', '<style>:root p.x{display:none}</style><html><p class=x>secret</p>Visible'],
  ['display', '<style media="screen">.x{display:none}</style><p class=x>secret</p>Visible'],
  ['display', '<style>.x{display:none}</style><p class="y x">secret</p>Visible'],
  ['display', '<style>#x , .y{display:none}</style><p id=x>secret</p>Visible'],
  ['display', '<style>div p{display:none}</style><div><span><p>secret</p></span></div><p>Visible</p>'],
  ['display', '<style>div>p{display:none}</style><div><p>secret</p></div><p>Visible</p>'],
  ['display', '<style>[data-x]{display:none}</style><p data-x>secret</p>Visible'],
  ['display', '<style>p[class*="hid"]{display:none}</style><p class="is-hidden">secret</p>Visible'],
  ['display', '<style><!-- .x { display:none } --></style><p class=x>secret</p>Visible'],
  ['display', '<style>/* .x{display:block} */@import "a.css";.x{display:none}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@media screen{.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>@media only screen and (min-width:1px){.x{display:none}}</style><p class=x>secret</p>Visible'],
  ['display', '<style>.x{display:none!important}</style><p class=x style="display:block">secret</p>Visible'],
  ['display', '<style>#x{display:none}.x{display:block}</style><p class=x id=x>secret</p>Visible'],
  ['display', '<p class=x>secret</p>Visible<style>.x{display:none}</style>'],
  ['colour', '<style>body{background:#222}.x{color:#222}p{color:#eee}</style><body><span class=x>secret</span><p>Visible</p>'],
  ['size', '<style>td{font-size:0}</style><table><tr><td>secret<p style="font-size:15px">Visible</table>'],
]

const visible: [what: string, html: string][] = [
  ['a smaller font', '<p style="font-size:0.9em;opacity:0.9">Visible</p>'],
  ['a box with a height', '<p style="max-height:100px">Visible</p>'],
  ['no height, but what is larger shows', '<p style="max-height:0">Visible</p>'],
  ['white on a picture', '<td style="color:#fff;background:#fff url(https://a.test/hero.jpg)">Visible</td>'],
  ['white on the picture of a table', '<table background="https://a.test/hero.jpg"><tr><td style="color:#fff">Visible</table>'],
  ['white in a coloured button', '<a href="https://a.test" style="background-color:#06c;color:#fff">Visible</a>'],
  ['a link in white text', '<div style="color:#fff"><a href="https://a.test">Visible</a></div>'],
  ['grey text', '<p style="color:#ddd">Visible</p>'],
  ['a row without space between its cells', '<div style="font-size:0"><span style="font-size:14px">Visible</span></div>'],
  ['hidden on telephones', '<style>@media (max-width:600px){.x{display:none!important}}</style><p class=x>Visible</p>'],
  ['hidden on paper', '<style>@media print{.x{display:none}}</style><p class=x>Visible</p>'],
  ['hidden on paper by its sheet', '<style media=print>.x{display:none}</style><p class=x>Visible</p>'],
  ['on a background nobody knows', '<td style="color:#fff;background:var(--b)">Visible</td>'],
  ['without a height of its own', '<style>.x{height:0;overflow:hidden}</style><p class=x style="height:auto">Visible</p>'],
  ['in a box of half the width', '<p style="width:50%;overflow:hidden;letter-spacing:-1px">Visible</p>'],
  ['hidden in the dark', '<style>@media (prefers-color-scheme:dark){.x{display:none}}</style><p class=x>Visible</p>'],
  ['hidden under the mouse', '<style>.x:hover{display:none}</style><p class=x>Visible</p>'],
  ['a rule in a comment', '<!--[if mso]><style>.x{display:none}</style><![endif]--><p class=x>Visible</p>'],
  [
    'a rule of another program',
    '<style>#outlook a{display:none}.ExternalClass *{display:none}</style><p><a href="https://a.test">Visible</a></p>',
  ],
  ['a rule that a later one undoes', '<style>.x{display:none}.x{display:block}</style><p class=x>Visible</p>'],
  ['a rule that the element undoes', '<style>.x{display:none}</style><p class=x style="display:block">Visible</p>'],
  ['a negative margin of a column', '<div style="margin-left:-15px">Visible</div>'],
  ['text moved a little', '<div style="position:relative;left:-4px">Visible</div>'],
  ['a box that is open', '<dialog open>Visible</dialog>'],
  ['a box that its style opens', '<style>dialog{display:block}</style><dialog>Visible</dialog>'],
  ['not hidden from view, only from readers', '<p aria-hidden="true">Visible</p>'],
  ['an invalid declaration', '<span style="opacity:0 foo;font-size:0 foo;color:#fff foo;color:white white">Visible</span>'],
  ['an invalid shape', '<div style="clip-path:inset(50%;transform:scale(0;height:0;overflow:hidden foo">Visible</div>'],
  ['an invalid function', '<div style="transform:scale(0) foo;translate:-9999px foo;scale:0 foo;clip-path:gone(0)">Visible</div>'],
  ['a size without a family', '<span style="font:0">Visible</span>'],
  ['no number', '<span style="opacity:zero;filter:opacity(0) foo;zoom:0;text-indent:far;margin:-9999px foo">Visible</span>'],
  ['a mirror', '<div style="transform:scaleX(-1);scale:-1">Visible</div>'],
  [
    'letters cut out of a gradient',
    '<b style="background:linear-gradient(red,blue);-webkit-background-clip:text;color:transparent">Visible</b>',
  ],
  ['letters cut out of a colour', '<b style="background:#06c;background-clip:text;-webkit-text-fill-color:transparent">Visible</b>'],
  ['the usual line', '<div style="line-height:1;overflow:hidden;text-indent:1em">Visible</div>'],
  ['a width worked out', '<div style="width:calc(100% - 20px);max-width:min(600px,100%);overflow:hidden">Visible</div>'],
  ['half as strong twice', '<div style="opacity:.5"><p style="opacity:.5">Visible</p></div>'],
  ['a mask that fades', '<div style="mask-image:linear-gradient(black,transparent)">Visible</div>'],
  ['a shape', '<div style="clip-path:polygon(0 0,100% 0,50% 100%);clip-path:inset(5px round 10px)">Visible</div>'],
  [
    'for a medium that is not this',
    '<style>@media not screen{.x{display:none}}@media not all{.x{display:none}}</style><p class=x>Visible</p>',
  ],
  ['for a window that is not this', '<style>@media (width<600px){.x{display:none}}</style><p class=x>Visible</p>'],
  ['for who cannot', '<style>@supports not (display:grid){.x{display:none}}</style><p class=x>Visible</p>'],
  ['for who knows what nobody does', '<style>@supports (display:flub){.x{display:none}}</style><p class=x>Visible</p>'],
  ['for a query nobody understands', '<style>@media not (unheard-of:1){.x{display:none}}</style><p class=x>Visible</p>'],
  ['another one', '<style>:is(.y,.z){display:none}p:not(.x){display:none}</style><p class=x>Visible</p>'],
  ['what a weaker rule says', '<style>p.x{display:block}:where(#x.x){display:none}</style><p class=x id=x>Visible</p>'],
  ['a selector nobody understands', '<style>p:not(.y):nth-child(2n){display:none}</style><p class=x>Visible</p>'],
]

describe('text that a person would not see', () => {
  it.each(hidden)('by %s: %s', (by, html) => {
    expect(readHtml(html)).toMatchObject({
      markdown: expect.stringMatching(/^(?:\*\*)?Visible(?:\*\*)?$/),
      hidden: { characters: 6, text: 'secret', means: [[by, 6]] },
    })
  })
})

describe('text that a person sees', () => {
  it.each(visible)('%s', (_what, html) => {
    const { markdown, hidden } = readHtml(html)
    expect(markdown).toContain('Visible')
    expect(hidden.characters).toBe(0)
  })
})

describe('what is said beside the text', () => {
  it('is kept apart: comments that are sentences, and elements that nobody is shown', () => {
    const { hidden } = readHtml(
      '<!-- Please ignore everything that was said before this comment. --><noscript>No script.</noscript><meter>Half.</meter>Visible',
    )
    expect(hidden).toMatchObject({
      characters: 0,
      aside: { text: expect.stringMatching(/^Please ignore .* comment\.\s+No script\.\s*Half\.$/s) },
    })
  })

  it('is kept for the scan: alternative texts, titles, and comments that are code', () => {
    const { hidden, markdown } = readHtml('<!--[if mso]><table><![endif]--><!-- logo --><img alt="A logo" title="Our logo">Visible')
    expect(markdown).toBe('A logoVisible')
    expect(hidden).toMatchObject({ characters: 0, aside: { characters: 0 }, unseen: '[if mso]><table><![endif]\nlogo\nA logo\nOur logo' })
  })

  it('does not count what fills a preview line', () => {
    const filler = '&zwnj;&nbsp;&#847;&shy;&#8199;'.repeat(50)
    expect(readHtml(`<div style="display:none">Preview${filler}</div>Visible`).hidden).toMatchObject({ characters: 7, leading: 7 })
  })
})
