namespace Pith.Onnx;

/// <summary>Reads which opset version a model, or a function in it, uses of each domain.</summary>
internal static class OpsetImports
{
    /// <summary>The domain as Pith writes it: ONNX's own has two names, of which this is the empty one.</summary>
    public static string Domain(string domain) => domain == "ai.onnx" ? OpSchema.OnnxDomain : domain;

    /// <summary>The versions by domain.</summary>
    /// <param name="imports">What the file declares.</param>
    /// <param name="owner">What declares them, for messages: <c>The model</c>.</param>
    /// <param name="outer">The versions of what surrounds the owner, for domains that it does not declare.</param>
    /// <exception cref="PithException">The version of ONNX's own domain is missing or is not one that Pith reads.</exception>
    public static Dictionary<string, int> Read(IEnumerable<OperatorSetIdProto> imports, string owner, IReadOnlyDictionary<string, int>? outer = null)
    {
        var opsets = outer is null ? new(StringComparer.Ordinal) : new Dictionary<string, int>(outer, StringComparer.Ordinal);
        foreach (var import in imports) opsets[Domain(import.Domain)] = (int)Math.Clamp(import.Version, int.MinValue, int.MaxValue);
        if (!opsets.TryGetValue(OpSchema.OnnxDomain, out var opset))
            throw new PithException($"{owner} does not say which ONNX opset it uses (opset_import without the domain ai.onnx).");
        if (opset is < 1 or > Opsets.Newest)
            throw new PithException($"{owner} uses ONNX opset {opset}; Pith reads {Opsets.OldestRead} to {Opsets.Newest}. Convert it (onnx.version_converter) or export it again with one of these.");
        return opsets;
    }
}
