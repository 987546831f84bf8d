namespace Pith;

/// <summary>How a model file is turned into a <see cref="Graph"/>.</summary>
public sealed record OnnxImportOptions
{
    /// <summary>
    /// Inputs of the file's graph that become constants of the imported one, by name. Needed when an input decides a shape (the target of a Reshape, the sizes of
    /// a Resize), because Pith infers every shape at import.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> BoundInputs { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>
    /// Sizes of symbolic dimensions of the inputs, by name: <c>{ ["height"] = 480 }</c>. Names that no input has are ignored. A dimension without a name in the file has one in
    /// <see cref="OnnxModel.ReadInputs"/>.
    /// </summary>
    public IReadOnlyDictionary<string, int> Sizes { get; init; } = new Dictionary<string, int>();
}
