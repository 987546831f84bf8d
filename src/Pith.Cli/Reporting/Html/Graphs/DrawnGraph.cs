namespace Pith.Cli.Reporting.Html;

/// <summary>One line of a node's details.</summary>
/// <param name="Key">What it is.</param>
/// <param name="Text">What it says.</param>
/// <param name="Link">The node to go to, as its id in the page; null for none.</param>
internal sealed record DrawnDetail(string Key, string Text, string? Link = null);

/// <summary>A group of details under a heading.</summary>
/// <param name="Title">The heading.</param>
/// <param name="Rows">The lines.</param>
internal sealed record DrawnSection(string Title, IReadOnlyList<DrawnDetail> Rows);

/// <summary>A box of a drawing.</summary>
internal sealed record DrawnNode
{
    /// <summary>The id in the page, unique over all drawings.</summary>
    public required string Id { get; init; }

    /// <summary>What it does: the op or the kind of layer.</summary>
    public required string Title { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The class of its colour: <c>int8</c>, <c>float32</c>, <c>qdq</c>, <c>terminal</c> …</summary>
    public required string Style { get; init; }

    /// <summary>Lines below the title.</summary>
    public IReadOnlyList<string> Lines { get; init; } = [];

    /// <summary>The share of weights that are zero, drawn as a bar; null for none.</summary>
    public double? Zeros { get; init; }

    /// <summary>The share of the network's time, 0 to 1, drawn as a bar; null when it was not measured.</summary>
    public double? TimeShare { get; init; }

    /// <summary>What the panel shows when the node is chosen.</summary>
    public IReadOnlyList<DrawnSection> Details { get; init; } = [];
}

/// <summary>A line from one box to another.</summary>
/// <param name="From">Position of the node that computes the value.</param>
/// <param name="To">Position of the node that reads it; later than <paramref name="From"/>.</param>
/// <param name="Label">The value's type.</param>
internal sealed record DrawnEdge(int From, int To, string Label);

/// <summary>A network as boxes and lines, not yet placed.</summary>
/// <param name="Name">What the tab says.</param>
/// <param name="Nodes">The boxes so that each stands after those that it reads.</param>
/// <param name="Edges">The lines.</param>
internal sealed record DrawnGraph(string Name, IReadOnlyList<DrawnNode> Nodes, IReadOnlyList<DrawnEdge> Edges);
