using System.Globalization;

namespace Pith.Cli.Verbs;

/// <summary>What <c>--size</c> gives to networks that leave sizes of their inputs open: pixels of images (<see cref="ImageSize"/>), or sizes by name (<see cref="NamedSizes"/>).</summary>
internal abstract record InputSize
{
    private const int Largest = 65536;

    /// <summary>Reads <c>640x480</c>, <c>224</c>, or <c>sequence_length=128</c>; null for anything else.</summary>
    public static InputSize? Parse(string text) => (InputSize?)ImageSize.Parse(text) ?? NamedSizes.Parse(text);

    /// <summary>The sizes of the symbols in the inputs of a network.</summary>
    /// <param name="model">What messages call the network.</param>
    /// <param name="inputs">The network's inputs.</param>
    /// <exception cref="PithException">No input can have this size.</exception>
    public abstract IReadOnlyDictionary<string, int> Bind(string model, IReadOnlyList<(string Name, TensorType Type)> inputs);

    /// <summary>The symbols of the inputs' axes after the batch.</summary>
    protected static string[] OpenSymbols(IReadOnlyList<(string Name, TensorType Type)> inputs) => [.. inputs.SelectMany(input => input.Type.Dims.Skip(1)).SelectMany(dim => dim.Symbols).Distinct()];

    /// <summary>Reads a size.</summary>
    protected static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number is >= 1 and <= Largest;
}
