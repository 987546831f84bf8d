using System.Globalization;
using Pith.Ops;

namespace Pith.Compression.Compatibility;

/// <summary>The command line of NVIDIA's <c>trtexec</c> that builds an engine of a model as Pith would: the same batches, INT8 and sparsity where the model has them, in the options of a release.</summary>
internal static class TrtexecCommand
{
    /// <summary>The arguments, the program first; not quoted for a shell.</summary>
    /// <param name="graph">The imported model.</param>
    /// <param name="onnx">Its file.</param>
    /// <param name="engine">Where the engine goes.</param>
    /// <param name="version">The release: 8, 9, 10 or 11.</param>
    /// <param name="batches">Smallest, usual and largest batch, for models that leave it open.</param>
    /// <exception cref="PithException">A size other than the batch is open.</exception>
    public static IReadOnlyList<string> Of(Graph graph, string onnx, string engine, int version, (int Min, int Opt, int Max) batches)
    {
        List<string> arguments = ["trtexec", $"--onnx={onnx}", $"--saveEngine={engine}"];
        if (graph.Inputs.Any(input => !input.Type.IsStatic))
        {
            arguments.Add($"--minShapes={Shapes(graph, batches.Min)}");
            arguments.Add($"--optShapes={Shapes(graph, batches.Opt)}");
            arguments.Add($"--maxShapes={Shapes(graph, batches.Max)}");
        }
        arguments.AddRange(Precision(graph, version));
        if (graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().Any(weight => WeightSparsity.Of(weight).Pattern is not null)) arguments.Add("--sparsity=enable");
        return arguments;
    }

    /// <summary>The arguments as a line for a POSIX shell.</summary>
    public static string Quoted(IEnumerable<string> arguments) => string.Join(' ', arguments.Select(Quote));

    // 10 can be told that the graph alone says what each layer computes in; 11 knows no other way.
    private static IEnumerable<string> Precision(Graph graph, int version)
    {
        var (quantized, half) = (graph.Nodes.Any(node => node.Op is QuantizeLinear or DequantizeLinear), Float32Form.HasHalf(graph));
        if (version >= 11 || !quantized && !half) yield break;
        if (version >= 10)
        {
            yield return "--stronglyTyped";
            yield break;
        }
        if (quantized) yield return "--int8";
        if (half) yield return "--fp16";
    }

    private static string Shapes(Graph graph, int batch)
    {
        (string Name, TensorType Type)[] inputs = [.. graph.Inputs.Select(input => (input.Name, input.Type))];
        var symbol = SymbolSizes.Batch(inputs);
        return string.Join(',', inputs.Where(input => !input.Type.IsStatic).Select(input => $"{Name(input.Name)}:{string.Join('x', input.Type.Dims.Select(dim => Size(input, dim)))}"));

        string Size((string Name, TensorType Type) input, Dim dim)
        {
            var bound = dim.Bind(name => name == symbol ? batch : null);
            return bound.IsFixed ? bound.Size.ToString(CultureInfo.InvariantCulture)
                : throw new PithException($"Input '{input.Name}' is {input.Type}: trtexec needs a number for '{dim}'. For images give --size WIDTHxHEIGHT; other sizes: pith surgeon MODEL --input-shape {input.Name}=… -o OUT.");
        }
    }

    // trtexec splits names from shapes at colons.
    private static string Name(string name) => name.IndexOfAny([':', ',']) >= 0 ? $"'{name}'" : name;

    private static string Quote(string argument) =>
        argument.All(c => char.IsAsciiLetterOrDigit(c) || "-_=./,:+@%".Contains(c, StringComparison.Ordinal)) ? argument : $"'{argument.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
