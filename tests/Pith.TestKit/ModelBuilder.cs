using Google.Protobuf;
using Pith.Onnx;

namespace Pith.TestKit;

/// <summary>Builds model files in memory, wrong ones too.</summary>
internal sealed class ModelBuilder
{
    public ModelBuilder(int opset = 17)
    {
        Proto = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "test" } };
        Proto.OpsetImport.Add(new OperatorSetIdProto { Version = opset });
    }

    public ModelProto Proto { get; }

    public ModelBuilder Input(string name, params object[] dims) => Input(name, DataType.Float32, dims);

    public ModelBuilder Input(string name, DataType type, params object[] dims)
    {
        var shape = new TensorShapeProto();
        foreach (var dim in dims)
            shape.Dim.Add(dim is string symbol ? new TensorShapeProto.Types.Dimension { DimParam = symbol }
                : dim is int size ? new TensorShapeProto.Types.Dimension { DimValue = size } : new TensorShapeProto.Types.Dimension());
        Proto.Graph.Input.Add(new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = shape } } });
        return this;
    }

    public ModelBuilder Output(params string[] names)
    {
        Proto.Graph.Output.AddRange(names.Select(name => new ValueInfoProto { Name = name }));
        return this;
    }

    public ModelBuilder Initializer(TensorProto tensor)
    {
        Proto.Graph.Initializer.Add(tensor);
        return this;
    }

    public ModelBuilder Initializer(string name, Tensor tensor) => Initializer(TensorWriter.Write(tensor, name));

    public ModelBuilder Node(string op, string name, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op, Name = name };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        node.Attribute.AddRange(attributes);
        Proto.Graph.Node.Add(node);
        return this;
    }

    /// <summary>Puts the last node into a domain.</summary>
    public ModelBuilder InDomain(string domain)
    {
        Proto.Graph.Node[^1].Domain = domain;
        return this;
    }

    public Graph Load(OnnxImportOptions? options = null) => OnnxModel.Load(Proto.ToByteArray(), options);
}
