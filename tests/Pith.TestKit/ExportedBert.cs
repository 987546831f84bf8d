using Google.Protobuf;

namespace Pith.TestKit;

/// <summary>How an exporter spells attention's mask.</summary>
internal enum MaskForm
{
    /// <summary>(1 - mask) * -10000 as floats, as transformers up to 4.20 have it.</summary>
    Product,

    /// <summary>The mask expanded to [N, 1, T, T]; Where gives the smallest float at padding, as transformers 4.30 have it.</summary>
    Where,

    /// <summary>Where gives minus infinity at padding, as scaled_dot_product_attention with a mask of bool has it.</summary>
    Infinity,
}

/// <summary>
/// Classifiers in the form of BERT (Devlin et al. 2018) as torch.onnx and optimum write them: open batch and sequence, shape arithmetic on the way, tiny and with random weights. Inputs <c>input_ids</c>, <c>attention_mask</c> and
/// <c>token_type_ids</c>, int64 [batch_size, sequence_length]; output <c>logits</c> [batch_size, 2].
/// </summary>
internal sealed class ExportedBert
{
    public const int Vocabulary = 64, Width = 16, Heads = 2, Layers = 2, Positions = 24, Classes = 2;

    private readonly ModelBuilder _model;
    private readonly int _opset;
    private readonly MaskForm _mask;
    private readonly Random _random;
    private int _names;

    private ExportedBert(int opset, MaskForm mask, int seed)
    {
        (_model, _opset, _mask, _random) = (new ModelBuilder(opset), opset, mask, new Random(seed));
        _model.Proto.Graph.Name = "main_graph";
    }

    /// <summary>The bytes of a file. LayerNormalization is an op from opset 17 on, ordinary ops before.</summary>
    public static byte[] File(int opset, MaskForm mask, int seed = 1) => new ExportedBert(opset, mask, seed).Build().Proto.ToByteArray();

    private ModelBuilder Build()
    {
        foreach (var name in (string[])["input_ids", "attention_mask", "token_type_ids"]) _model.Input(name, DataType.Int64, "batch_size", "sequence_length");
        var mask = _mask == MaskForm.Product ? ProductMask() : WhereMask();
        var x = LayerNorm(Add(Add(Embedding("word", Vocabulary, "input_ids"), Embedding("token_type", 2, "token_type_ids")), Embedding("position", Positions, PositionIds())), "embeddings.LayerNorm");
        for (var i = 0; i < Layers; i++)
        {
            var name = $"encoder.layer.{i}";
            x = LayerNorm(Add(Linear(Attention(x, mask, name), $"{name}.attention.output.dense", Width, Width), x), $"{name}.attention.output.LayerNorm");
            x = LayerNorm(Add(Linear(Gelu(Linear(x, $"{name}.intermediate.dense", Width, 4 * Width)), $"{name}.output.dense", 4 * Width, Width), x), $"{name}.output.LayerNorm");
        }
        var first = Node("Gather", [x, Integer(0)], Attributes.Int("axis", 1));
        var pooled = Node("Tanh", [Gemm(first, "pooler.dense", Width, Width)]);
        _model.Node("Gemm", "/classifier/Gemm", [pooled, Weight("classifier.weight", 1, Classes, Width), Weight("classifier.bias", 0.1f, Classes)], ["logits"], Attributes.Int("transB", 1));
        return _model.Output("logits");
    }

    /// <summary>position_ids[:, :sequence_length] of a constant [1, positions].</summary>
    private string PositionIds()
    {
        var all = Constant("position_ids", Tensor.Create(new Shape(1, Positions), Enumerable.Range(0, Positions).Select(i => (long)i).ToArray()));
        return Node("Slice", [all, Integers(0), Unsqueeze(Size("input_ids", 1), 0), Integers(1), Integers(1)]);
    }

    private string ProductMask()
    {
        var visible = Node("Cast", [Unsqueeze(Unsqueeze("attention_mask", 1), 2)], Attributes.Int("to", (long)DataType.Float32));
        return Node("Mul", [Node("Sub", [Scalar(1), visible]), Scalar(-10000)]);
    }

    private string WhereMask()
    {
        // mask[:, None, None, :].expand(batch, 1, target, source), whose -1 torch.onnx replaces by 1.
        var (batch, length) = (Unsqueeze(Size("input_ids", 0), 0), Unsqueeze(Size("input_ids", 1), 0));
        var sizes = Node("Concat", [batch, Integers(1), length, length], Attributes.Int("axis", 0));
        var ones = Node("ConstantOfShape", [Integers(4)], new Onnx.AttributeProto { Name = "value", Type = Onnx.AttributeProto.Types.AttributeType.Tensor, T = Onnx.TensorWriter.Write(Tensor.Vector(1L), "") });
        var target = Node("Where", [Node("Equal", [sizes, Node("Mul", [ones, Integer(-1)])]), ones, sizes]);
        var visible = Node("Cast", [Node("Expand", [Unsqueeze(Unsqueeze("attention_mask", 1), 2), target])], Attributes.Int("to", (long)DataType.Float32));
        var hidden = Node("Sub", [Scalar(1), visible]);
        var isHidden = Node("Cast", [hidden], Attributes.Int("to", (long)DataType.Bool));
        return Node("Where", [isHidden, Scalar(_mask == MaskForm.Infinity ? float.NegativeInfinity : float.MinValue), hidden]);
    }

    private string Attention(string x, string mask, string name)
    {
        string Projected(string part) => Linear(x, $"{name}.attention.self.{part}", Width, Width);
        var (query, key, value) = (Split(Projected("query")), Split(Projected("key")), Split(Projected("value")));
        var scores = Node("MatMul", [query, Transpose(key, 0, 1, 3, 2)]);
        var scaled = Node("Add", [Node("Div", [scores, Scalar(MathF.Sqrt(Width / Heads))]), mask]);
        var context = Transpose(Node("MatMul", [Node("Softmax", [scaled], Attributes.Int("axis", _opset < 13 ? 3 : -1)), value]), 0, 2, 1, 3);
        var sizes = Node("Concat", [Unsqueeze(Size(context, 0), 0), Unsqueeze(Size(context, 1), 0), Integers(Width)], Attributes.Int("axis", 0));
        return Node("Reshape", [context, sizes]);
    }

    /// <summary>x.view(batch, sequence, heads, width).permute(0, 2, 1, 3)</summary>
    private string Split(string x)
    {
        var sizes = Node("Concat", [Unsqueeze(Size(x, 0), 0), Unsqueeze(Size(x, 1), 0), Integers(Heads), Integers(Width / Heads)], Attributes.Int("axis", 0));
        return Transpose(Node("Reshape", [x, sizes]), 0, 2, 1, 3);
    }

    private string LayerNorm(string x, string name)
    {
        var (scale, bias) = (Weight($"{name}.weight", 0.1f, [Width], 1), Weight($"{name}.bias", 0.1f, Width));
        if (_opset >= 17) return Node("LayerNormalization", [x, scale, bias], Attributes.Int("axis", -1), Attributes.Float("epsilon", 1e-12f));
        var difference = Node("Sub", [x, Node("ReduceMean", [x], Attributes.Ints("axes", -1))]);
        var variance = Node("ReduceMean", [Node("Pow", [difference, Scalar(2)])], Attributes.Ints("axes", -1));
        return Node("Add", [Node("Mul", [Node("Div", [difference, Node("Sqrt", [Node("Add", [variance, Scalar(1e-12f)])])]), scale]), bias]);
    }

    private string Gelu(string x) => Node("Mul", [Node("Mul", [x, Node("Add", [Node("Erf", [Node("Div", [x, Scalar(1.4142135f)])]), Scalar(1)])]), Scalar(0.5f)]);

    private string Linear(string x, string name, int inputs, int outputs) =>
        Node("Add", [Weight($"{name}.bias", 0.1f, outputs), Node("MatMul", [x, Weight($"onnx::MatMul_{_names}", MathF.Sqrt(3f / inputs), inputs, outputs)])]);

    private string Gemm(string x, string name, int inputs, int outputs) =>
        Node("Gemm", [x, Weight($"{name}.weight", MathF.Sqrt(3f / inputs), outputs, inputs), Weight($"{name}.bias", 0.1f, outputs)], Attributes.Int("transB", 1));

    private string Embedding(string name, int rows, string ids) => Node("Gather", [Weight($"embeddings.{name}_embeddings.weight", 1, rows, Width), ids]);

    private string Add(string a, string b) => Node("Add", [a, b]);

    private string Transpose(string x, params long[] order) => Node("Transpose", [x], Attributes.Ints("perm", order));

    private string Size(string x, long axis) => Node("Gather", [Node("Shape", [x]), Integer(axis)], Attributes.Int("axis", 0));

    private string Unsqueeze(string x, long axis) => _opset < 13 ? Node("Unsqueeze", [x], Attributes.Ints("axes", axis)) : Node("Unsqueeze", [x, Integers(axis)]);

    private string Scalar(float value) => Constant($"scalar_{_names++}", Tensor.Scalar(value));

    private string Integer(long value) => Constant($"integer_{_names++}", Tensor.Scalar(value));

    private string Integers(params long[] values) => Constant($"integers_{_names++}", Tensor.Vector<long>(values));

    private string Weight(string name, float range, params int[] sizes) => Weight(name, range, sizes, 0);

    private string Weight(string name, float range, int[] sizes, float middle)
    {
        var weight = Tensor.Zeros<float>(new Shape(sizes));
        foreach (ref var value in weight.Span) value = middle + (_random.NextSingle() * 2 - 1) * range;
        return Constant(name, weight);
    }

    private string Constant(string name, Tensor value)
    {
        _model.Initializer(name, value);
        return name;
    }

    private string Node(string op, string[] inputs, params Onnx.AttributeProto[] attributes)
    {
        var name = $"/{op}_{_names++}";
        _model.Node(op, name, inputs, [$"{name}_output_0"], attributes);
        return $"{name}_output_0";
    }
}
