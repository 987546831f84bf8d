using Google.Protobuf;
using Pith.Onnx;

namespace Pith;

/// <summary>Tensors in files of their own, as ONNX's test data keeps them: one serialised TensorProto, usually called <c>input_0.pb</c>. Thread-safe.</summary>
public static class OnnxTensor
{
    /// <summary>Reads a tensor.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="PithException">The file cannot be read, is not a tensor, or holds elements that Pith does not compute with.</exception>
    public static Tensor Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            var proto = TensorProto.Parser.ParseFrom(File.ReadAllBytes(path));
            // An empty message is valid protobuf; the element type is what every tensor has.
            if (proto.DataType == 0) throw new PithException($"'{path}' is not a tensor: it has no element type. Expected a serialised TensorProto, as onnx.save_tensor writes it.");
            return TensorReader.Read(proto, Path.GetFileName(path), ExternalData.None);
        }
        catch (InvalidProtocolBufferException failure)
        {
            throw new PithException($"'{path}' is not a tensor, or is damaged: {failure.Message} Expected a serialised TensorProto, as onnx.save_tensor writes it.", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new PithException($"Cannot read '{path}': {failure.Message}", failure);
        }
    }

    /// <summary>Writes a tensor; a reader sees the whole new file or the old one.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="name">Its name in the file.</param>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public static void Save(string path, Tensor tensor, string name = "")
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var proto = TensorWriter.Write(tensor, name);
        AtomicFile.Write(path, stream => proto.WriteTo(stream));
    }
}
