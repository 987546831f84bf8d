namespace Pith.Cli.Reporting.Html;

/// <summary>The report's style sheet; colours work on light and dark screens.</summary>
internal static class StyleSheet
{
    public const string Css = """
        :root { color-scheme: light dark; --ink: #1c2430; --soft: #66707f; --line: #d9dee5; --paper: #fff; --dense: #3f6fb5; --sparse: #d0762b; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa4b2; --line: #39414d; --paper: #14181e; --dense: #7ea6e0; --sparse: #f0a35e; } }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
        main { max-width: 1080px; margin: 0 auto; padding: 32px 24px; }
        h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 32px 0 2px; }
        p { margin: 4px 0 12px; color: var(--soft); } p.lead { color: var(--ink); font-size: 17px; margin-bottom: 20px; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); padding: 6px 10px 6px 0; }
        td { border-bottom: 1px solid var(--line); padding: 6px 10px 6px 0; white-space: nowrap; }
        .n { text-align: right; }
        table.layers { font-size: 13px; margin-bottom: 16px; }
        details { overflow-x: auto; } summary { cursor: pointer; padding: 6px 0; }
        svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; } svg .tick { fill: var(--soft); font-size: 12px; }
        svg .grid { stroke: var(--line); } svg .dense { fill: var(--dense); } svg .sparse { fill: var(--sparse); }
        svg .dense-line { stroke: var(--dense); stroke-width: 2; } svg .sparse-line { stroke: var(--sparse); stroke-width: 2; }
        svg .baseline { stroke: var(--soft); stroke-dasharray: 4 3; }
        .series-0 { fill: #3f6fb5; } .series-1 { fill: #d0762b; } .series-2 { fill: #3f9a6b; } .series-3 { fill: #a65fb0; } .series-4 { fill: #c0453f; } .series-5 { fill: #7f8a2e; }
        .series-0-line { stroke: #3f6fb5; stroke-width: 2; } .series-1-line { stroke: #d0762b; stroke-width: 2; } .series-2-line { stroke: #3f9a6b; stroke-width: 2; } .series-3-line { stroke: #a65fb0; stroke-width: 2; } .series-4-line { stroke: #c0453f; stroke-width: 2; } .series-5-line { stroke: #7f8a2e; stroke-width: 2; }
        .share { display: inline-block; height: 9px; background: var(--dense); border-radius: 2px; }
        .findings { padding-left: 20px; } .findings li { margin: 6px 0; } .findings .warning { font-weight: 600; } .next { display: block; color: var(--soft); font-weight: 400; overflow-wrap: anywhere; }
        .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: 12px 16px; } figure { margin: 0; } figcaption { color: var(--soft); font-size: 12px; overflow-wrap: anywhere; }
        footer { margin-top: 40px; color: var(--soft); font-size: 13px; }
        """;
}
