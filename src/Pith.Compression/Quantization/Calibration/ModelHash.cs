using System.Security.Cryptography;
using System.Text;

namespace Pith.Compression.Quantization;

/// <summary>Identifies a network by what it computes: structure, names and every constant. Metadata does not count.</summary>
public static class ModelHash
{
    /// <summary>SHA-256 in lower-case hexadecimal.</summary>
    public static string Of(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var value in graph.Inputs.Concat(graph.Outputs)) Add(value.ToString());
        foreach (var node in graph.Nodes) Add($"{node.Name}: {node}");
        foreach (var constant in graph.Constants.OrderBy(constant => constant.Name, StringComparer.Ordinal))
        {
            Add(constant.ToString());
            hash.AppendData(constant.Constant!.Bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
    }
}
