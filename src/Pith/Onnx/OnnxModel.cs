using Google.Protobuf;
using Pith.Onnx;

namespace Pith;

/// <summary>
/// Reads and writes ONNX files. Import takes opsets 7 to 21 (and older ones where the ops used did not change since); export writes opset 13 or later.
/// Thread-safe: nothing is shared between calls.
/// </summary>
public static class OnnxModel
{
    // protobuf cannot address more in one message; larger models keep their weights in external files.
    private const long LargestFile = int.MaxValue;

    /// <summary>Reads a model file, and the files of external data beside it that it names.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="PithException">
    /// The file cannot be read, is not ONNX, is damaged, or holds something that Pith does not support; the message names the node, its op and the opset.
    /// </exception>
    public static Graph Load(string path, OnnxImportOptions? options = null) =>
        Read(path, (model, full) => Import(model, options, new ExternalData(new ExternalDataFolder(full).Open)));

    /// <summary>The inputs that a model file declares and that are not initializers, in order; nothing else of the file is looked at.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Null for the defaults; its sizes are filled in.</param>
    /// <exception cref="PithException">The file cannot be read, is not ONNX or is damaged, or an input is not a tensor that Pith computes with.</exception>
    public static IReadOnlyList<(string Name, TensorType Type)> ReadInputs(string path, OnnxImportOptions? options = null) =>
        Read(path, (model, _) => new OnnxImporter(model, options ?? new OnnxImportOptions(), ExternalData.None).ReadInputs());

    /// <summary>The opset and the nodes of a model file as they are spelled there; no weights are read and no op has to be supported.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="PithException">The file cannot be read, is not ONNX or is damaged, or its opset is not one that Pith reads.</exception>
    public static OnnxFileContents ReadContents(string path) => Read(path, (model, _) => OnnxFileContents.Of(model));

    /// <summary>The opset and the nodes of the file that <see cref="Save"/> would write.</summary>
    /// <param name="graph">The graph; not changed.</param>
    /// <exception cref="PithException">An op does not exist in ONNX.</exception>
    public static OnnxFileContents ContentsOf(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return OnnxFileContents.Of(new OnnxExporter(graph, opset: 0, new ConstantsApart("", 0, compress: false)).Export());
    }

    /// <summary>Reads a model from a stream; external data is refused because there is no folder to look in.</summary>
    /// <param name="stream">Read to its end, not closed.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="PithException">The content is not ONNX, is damaged, or holds something that Pith does not support.</exception>
    public static Graph Load(Stream stream, OnnxImportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Import(Parse(() => ModelProto.Parser.ParseFrom(stream)), options, ExternalData.None);
    }

    /// <summary>Reads a model from memory.</summary>
    /// <param name="bytes">The content of a model file.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="external">
    /// Opens a location of external data, for reading from any position; each stream is disposed of after one tensor was read. It may refuse with a <see cref="PithException"/>. Null to refuse them all. What <see cref="ToBytes(Graph, string, long, out IReadOnlyList{Tensor}, bool)"/> compressed is expanded.
    /// </param>
    /// <exception cref="PithException">The content is not ONNX, is damaged, or holds something that Pith does not support.</exception>
    public static Graph Load(ReadOnlySpan<byte> bytes, OnnxImportOptions? options = null, Func<string, Stream>? external = null)
    {
        ModelProto model;
        try
        {
            model = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException failure)
        {
            throw NotOnnx(failure);
        }
        return Import(model, options, external is null ? ExternalData.None : new ExternalData(external, expands: true));
    }

    /// <summary>
    /// Writes <paramref name="graph"/> as one file, whole or not at all. The same graph gives the same bytes; constants that nobody reads are left out.
    /// </summary>
    /// <param name="graph">The graph; not changed.</param>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="opset">13 to 21; 0 takes 17, or what the newest op of the graph needs.</param>
    /// <exception cref="PithException">An op does not exist in the opset or in ONNX, the weights exceed 2 GB, or the file cannot be written.</exception>
    public static void Save(Graph graph, string path, int opset = 0)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var model = new OnnxExporter(graph, opset).Export();
        AtomicFile.Write(path, stream => model.WriteTo(stream));
    }

    /// <summary>The content of the file that <see cref="Save"/> writes.</summary>
    /// <param name="graph">The graph; not changed.</param>
    /// <param name="opset">13 to 21; 0 takes 17, or what the newest op of the graph needs.</param>
    /// <exception cref="PithException">An op does not exist in the opset or in ONNX, or the weights exceed 2 GB.</exception>
    public static byte[] ToBytes(Graph graph, int opset = 0)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return new OnnxExporter(graph, opset).Export().ToByteArray();
    }

    /// <summary>
    /// The content of a model file without its large constants: the model says that they lie one after the other at <paramref name="location"/>, from <paramref name="start"/> on, and the caller
    /// writes them there.
    /// </summary>
    /// <param name="graph">The graph; not changed.</param>
    /// <param name="location">What the model calls the place; a file beside the model, when it is to be read by others.</param>
    /// <param name="start">The first byte.</param>
    /// <param name="constants">What to write, in order: the graph's own tensors, or what they were compressed to.</param>
    /// <param name="compress">
    /// Whether constants that are 2:4 sparse are stored as two of each four elements and their places: 62.5% of the bytes for int8. Only <see cref="Load(ReadOnlySpan{byte}, OnnxImportOptions?, Func{string, Stream}?)"/> reads these.
    /// </param>
    /// <exception cref="PithException">An op does not exist in ONNX.</exception>
    public static byte[] ToBytes(Graph graph, string location, long start, out IReadOnlyList<Tensor> constants, bool compress = false)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var apart = new ConstantsApart(location, start, compress);
        var model = new OnnxExporter(graph, opset: 0, apart).Export().ToByteArray();
        constants = apart.Constants;
        return model;
    }

    // What is thrown names the file.
    private static T Read<T>(string path, Func<ModelProto, string, T> use)
    {
        ArgumentNullException.ThrowIfNull(path);
        var full = Path.GetFullPath(path);
        try
        {
            using var stream = OrdinaryFile.Open(full);
            if (stream.Length > LargestFile)
                throw new PithException($"'{path}' has {stream.Length} bytes; an ONNX file holds at most {LargestFile}. Save the model with external data.");
            return use(Parse(() => ModelProto.Parser.ParseFrom(stream)), full);
        }
        catch (PithException failure)
        {
            throw new PithException($"'{path}': {failure.Message}", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new PithException($"Cannot read '{path}': {failure.Message}", failure);
        }
    }

    private static ModelProto Parse(Func<ModelProto> parse)
    {
        try
        {
            return parse();
        }
        catch (InvalidProtocolBufferException failure)
        {
            throw NotOnnx(failure);
        }
    }

    private static Graph Import(ModelProto model, OnnxImportOptions? options, ExternalData external) => new OnnxImporter(model, options ?? new OnnxImportOptions(), external).Import();

    private static PithException NotOnnx(InvalidProtocolBufferException failure) =>
        new($"not an ONNX model, or cut off or damaged: {failure.Message}", failure);
}
