namespace Pith.Compression.Quantization;

/// <summary>The files of a search, beside the network that it makes.</summary>
public static class SearchFiles
{
    /// <summary>Its finished trials, a line for each. They stay: the same search with another target repeats none of them.</summary>
    /// <param name="output">The network's file.</param>
    public static string TrialsOf(string output) => output + ".trials.jsonl";

    /// <summary>The best network so far; deleted once the network itself is written.</summary>
    /// <param name="output">The network's file.</param>
    public static string BestOf(string output) => output + ".best.onnx";
}
