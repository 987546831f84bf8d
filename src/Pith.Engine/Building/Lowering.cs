namespace Pith.Building;

/// <summary>Turns a graph into layers: fuses nodes, gives every value a slot and a layout, and puts reorders where layouts meet.</summary>
internal sealed class Lowering
{
    private readonly BatchShapes _shapes;
    private readonly List<Slot> _slots = [];
    private readonly List<Layer> _layers = [];

    // The layouts in which each value exists so far; the first is the one it was produced in.
    private readonly Dictionary<Value, List<Slot>> _slotsOf = new(ReferenceEqualityComparer.Instance);

    private Lowering(BatchShapes shapes) => _shapes = shapes;

    /// <summary>Lowers <paramref name="graph"/>, which must be simplified already and is changed on the way.</summary>
    /// <exception cref="PithException">A shape is not known, or an observed name is not in the graph.</exception>
    public static LoweredNetwork Lower(Graph graph, EngineOptions options)
    {
        LoweringPasses.Run(graph, options);
        var lowering = new Lowering(BatchShapes.Infer(graph, options.MaxBatch));
        var observed = options.Observed.Select(name => graph.Find(name) ?? throw new PithException($"There is no value '{name}' in graph '{graph.Name}' to observe; it may have been simplified away.")).ToArray();
        var inputs = graph.Inputs.Select(lowering.AddInput).ToArray();
        foreach (var fused in Fusion.Fuse(graph, observed, lowering._shapes, options)) lowering.Emit(fused);
        var outputs = graph.Outputs.Select(lowering.OutputSlot).ToArray();
        for (var i = 0; i < lowering._slots.Count; i++) lowering._slots[i].Index = i;
        var network = new LoweredNetwork(lowering._shapes, lowering._slots, lowering._layers, inputs, outputs, [.. observed.Select(value => lowering.SlotsOf(value)[0])]);
        BorderPlanner.Plan(network);
        AddressLimits.Require(network);
        return network with { PerImage = ImagePrefix.Length(network) };
    }

    private Slot AddInput(Value value)
    {
        var slot = Add(value, SlotKind.Input, Layout.RowMajor);
        _slotsOf.Add(value, [slot]);
        return slot;
    }

    private void Emit(FusedNode fused)
    {
        var now = fused.Inputs.Select(input => input is null || input.Constant is not null ? (Layout?)null : SlotsOf(input)[0].Layout).ToArray();
        var inputs = fused.Inputs.Select((input, i) => input is null ? null : SlotIn(input, fused.Layouts.Input(i, now))).ToArray();
        var outputs = fused.Outputs.Select((output, i) => Add(output, SlotKind.Computed, fused.Layouts.Output(i, now))).ToArray();
        for (var i = 0; i < outputs.Length; i++) _slotsOf.Add(fused.Outputs[i], [outputs[i]]);
        var parts = new LayerParts(fused.Name, fused.Nodes.Select(node => node.Name).ToValueList(), inputs, outputs, fused.Nodes.Sum(node => node.Op.Cost(node)));
        _layers.Add(fused.Create(parts));
    }

    private List<Slot> SlotsOf(Value value)
    {
        if (_slotsOf.TryGetValue(value, out var slots)) return slots;
        if (value.Constant is null) throw new InvalidOperationException($"'{value.Name}' is read before it is computed.");
        _slotsOf.Add(value, slots = []);
        return slots;
    }

    /// <summary>The slot that holds <paramref name="value"/> in <paramref name="layout"/>; a reorder is added when there is none yet.</summary>
    private Slot SlotIn(Value value, Layout layout)
    {
        layout = Slot.Canonical(layout, value.Type.DataType, ShapeOf(value));
        var slots = SlotsOf(value);
        if (slots.Find(slot => slot.Layout == layout) is { } found) return found;
        Slot slot;
        if (value.Constant is not null)
        {
            slot = Add(value, SlotKind.Constant, layout);
        }
        else
        {
            slot = Add(value, SlotKind.Computed, layout);
            var name = $"{value.Name}/{(layout == Layout.RowMajor ? "rowmajor" : "nhwc")}";
            _layers.Add(PixelTableFusion.TryTurn(name, slots[0], slot) ?? (Layer)new ReorderLayer { Name = name, Nodes = [], Inputs = [slots[0]], Outputs = [slot] });
        }
        slots.Add(slot);
        return slot;
    }

    /// <summary>A row-major slot of its own for an output, so that the planner keeps it and the caller reads plain memory.</summary>
    private Slot OutputSlot(Value value)
    {
        var rowMajor = SlotIn(value, Layout.RowMajor);
        if (rowMajor.Kind == SlotKind.Computed) return rowMajor;
        var slot = Add(value, SlotKind.Computed, Layout.RowMajor);
        _layers.Add(new CopyLayer { Name = $"{value.Name}/copy", Nodes = [], Inputs = [rowMajor], Outputs = [slot] });
        return slot;
    }

    private BatchShape ShapeOf(Value value) => value.Constant is { } constant ? BatchShape.Fixed(constant.Shape) : _shapes.Of[value];

    private Slot Add(Value value, SlotKind kind, Layout layout)
    {
        var shape = ShapeOf(value);
        var slot = new Slot
        {
            Name = value.Name,
            Kind = kind,
            DataType = value.Type.DataType,
            Shape = shape,
            Layout = Slot.Canonical(layout, value.Type.DataType, shape),
            Constant = kind == SlotKind.Constant ? value.Constant : null,
        };
        _slots.Add(slot);
        return slot;
    }
}
