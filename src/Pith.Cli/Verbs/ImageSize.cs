namespace Pith.Cli.Verbs;

/// <summary>Width and height of images in pixels. One number is a square, or the length of the sequences of a network that takes no images and leaves one size open.</summary>
/// <param name="Width">Columns; the first number.</param>
/// <param name="Height">Rows; the second number.</param>
internal sealed record ImageSize(int Width, int Height) : InputSize
{
    /// <summary>Reads <c>640x480</c> (width 640, height 480) or <c>224</c> (a square).</summary>
    public static new ImageSize? Parse(string text)
    {
        var parts = text.Split('x');
        return parts.Length <= 2 && TryNumber(parts[0], out var width) && TryNumber(parts[^1], out var height) ? new ImageSize(width, height) : null;
    }

    // Of the image inputs: those of four dimensions, [N, C, H, W], or [N, H, W, C] when only the last can be the channels.
    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, int> Bind(string model, IReadOnlyList<(string Name, TensorType Type)> inputs)
    {
        var sizes = new Dictionary<string, int>(StringComparer.Ordinal);
        var fits = false;
        if (Width == Height && inputs.All(input => input.Type.Rank != 4))
        {
            var open = OpenSymbols(inputs);
            if (open.Length == 1) sizes[open[0]] = Width;
            if (open.Length == 1 || open.Length == 0 && inputs.Any(input => input.Type.Dims.Skip(1).Contains(Dim.Of(Width)))) return sizes;
        }
        foreach (var (_, type) in inputs.Where(input => input.Type.Rank == 4))
        {
            var axes = ImageResizing.Axes(type)!.Value;
            var (height, width) = (type[axes.Height], type[axes.Width]);
            if (!Accepts(height, Height) || !Accepts(width, Width)) continue;
            if (height == width && !height.IsFixed && Height != Width) throw new PithException($"'{model}' takes square images only: '{height}' is both height and width of {SymbolSizes.Text(inputs)}. --size gives {this}.");
            if (height.Symbol is { } rows) sizes[rows] = Height;
            if (width.Symbol is { } columns) sizes[columns] = Width;
            fits = true;
        }
        return fits ? sizes : throw new PithException($"'{model}' has no image input of width {Width} and height {Height} (--size): it takes {SymbolSizes.Text(inputs)}. --size is for networks that leave height and width open{(OpenSymbols(inputs) is { Length: > 0 } symbols ? $"; it sets other sizes by name: --size {string.Join(",", symbols.Select(symbol => $"{symbol}=NUMBER"))}" : "")}.");
    }

    /// <summary>Whether the network's images have another size that its file fixes, so that it has to be built anew for this one.</summary>
    public bool Differs(IReadOnlyList<(string Name, TensorType Type)> inputs)
    {
        var (height, width) = (Height, Width);
        var images = inputs.Where(input => ImageResizing.Axes(input.Type) is not null).ToArray();
        return images.Length > 0 && !images.Any(input => ImageResizing.Axes(input.Type)!.Value is var axes && Accepts(input.Type[axes.Height], height) && Accepts(input.Type[axes.Width], width));
    }

    /// <summary>Width and height as <c>--size</c> spells them.</summary>
    public override string ToString() => $"{Width}x{Height}";

    private static bool Accepts(Dim dim, int size) => !dim.IsFixed || dim.Size == size;
}
